using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tailnet.Ip.Wire;

/// <summary>
/// The Internet checksum (RFC 1071) of TCP and ICMPv6. The ones' complement sum does not depend on the byte order within a word. Words are
/// therefore added in the processor's byte order, and only the result is swapped. Several calls of <see cref="Add"/> may build one sum;
/// each piece except the last must have an even length.
/// </summary>
internal static class Checksum
{
    private const ulong Low32 = 0xffff_ffff;

    /// <summary>Adds bytes to a sum. 64 bits hold the sum of 16 GiB, so no carry is lost between words of 32 bits.</summary>
    public static ulong Add(ulong sum, ReadOnlySpan<byte> bytes)
    {
        if (Vector256.IsHardwareAccelerated && bytes.Length >= Vector256<byte>.Count)
        {
            var lanes = Vector256<ulong>.Zero;
            var low = Vector256.Create(Low32);
            do
            {
                var words = Vector256.Create(bytes).AsUInt64();
                lanes += (words & low) + (words >>> 32);
                bytes = bytes[Vector256<byte>.Count..];
            }
            while (bytes.Length >= Vector256<byte>.Count);

            sum += Vector256.Sum(lanes);
        }

        while (bytes.Length >= sizeof(ulong))
        {
            sum += Halves(MemoryMarshal.Read<ulong>(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        if (!bytes.IsEmpty)
        {
            ulong rest = 0;
            bytes.CopyTo(MemoryMarshal.AsBytes(new Span<ulong>(ref rest)));
            sum += Halves(rest);
        }

        return sum;
    }

    /// <summary>The sum of the pseudo-header (RFC 8200 §8.1) of an IPv6 packet with a complete header.</summary>
    /// <param name="packet">The packet from its first byte.</param>
    /// <param name="protocol">The protocol of the upper layer.</param>
    /// <param name="length">Length of the upper layer's header and data, in bytes.</param>
    public static ulong PseudoHeader(ReadOnlySpan<byte> packet, IpProtocol protocol, int length) =>
        Add(BigEndian((uint)length) + BigEndian((uint)protocol), packet.Slice(8, 2 * Ipv6Address.Size));

    /// <summary>The value of the checksum field for a sum.</summary>
    public static ushort Finish(ulong sum) => (ushort)~Fold(sum);

    /// <summary>Whether the checksum is right, from the sum over the pseudo-header and the upper layer with its checksum field.</summary>
    public static bool IsValid(ulong sum) => Fold(sum) == 0xffff;

    /// <summary>The checksum after one 16-bit word of the covered bytes has changed (RFC 1624 §3, equation 3).</summary>
    public static ushort Update(ushort checksum, ushort before, ushort after)
    {
        var sum = (uint)(ushort)~checksum + (ushort)~before + after;
        sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~(sum + (sum >> 16));
    }

    private static ulong Halves(ulong word) => (word & Low32) + (word >> 32);

    private static ulong BigEndian(uint value) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;

    private static ushort Fold(ulong sum)
    {
        sum = Halves(sum);
        sum = Halves(sum);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        return BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness((ushort)sum) : (ushort)sum;
    }
}
