namespace Tailnet.Wire;

/// <summary>Unsigned LEB128: seven bits in each byte, least significant first; the top bit means that another byte follows.</summary>
internal static class Leb128
{
    /// <summary>The most bytes of a 64-bit number.</summary>
    public const int MaxSize = 10;

    public static DrpcReadStatus TryRead(ReadOnlySpan<byte> bytes, ref int position, out ulong value)
    {
        value = 0;
        for (var i = 0; i < MaxSize; i++)
        {
            if (position + i >= bytes.Length)
            {
                return DrpcReadStatus.NeedMore;
            }

            var next = bytes[position + i];

            // Only one bit of the tenth byte fits into 64 bits.
            if (i == MaxSize - 1 && next > 1)
            {
                return DrpcReadStatus.BadNumber;
            }

            value |= (ulong)(next & 0x7f) << (7 * i);
            if (next < 0x80)
            {
                position += i + 1;
                return DrpcReadStatus.Done;
            }
        }

        return DrpcReadStatus.BadNumber;
    }

    public static int Write(Span<byte> destination, ulong value)
    {
        var size = 0;
        while (value >= 0x80)
        {
            destination[size++] = (byte)(value | 0x80);
            value >>= 7;
        }

        destination[size++] = (byte)value;
        return size;
    }
}
