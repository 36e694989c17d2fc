using System.Buffers.Binary;

namespace Tailnet.WireGuard;

/// <summary>The length of an inner packet, which tells the padding behind it.</summary>
internal static class InnerPacket
{
    private const int HeaderLength = 40;

    /// <summary>Reads the length from the header of IPv6, the only protocol of a tailnet.</summary>
    /// <returns>False for another protocol, and when the packet would be longer than what there is.</returns>
    public static bool TryLength(ReadOnlySpan<byte> padded, out int length)
    {
        length = 0;
        if (padded.Length < HeaderLength || padded[0] >> 4 != 6)
        {
            return false;
        }

        length = HeaderLength + BinaryPrimitives.ReadUInt16BigEndian(padded[4..]);
        return length <= padded.Length;
    }
}
