using System.Buffers.Binary;

namespace Tailnet.WireGuard;

/// <summary>The length of an inner packet, at which the padding begins.</summary>
internal static class InnerPacket
{
    private const int HeaderLength = 40;

    /// <summary>Reads the length from the IPv6 header. A tailnet has no other protocol.</summary>
    /// <returns>False when the packet is not IPv6, or longer than <paramref name="padded"/>.</returns>
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
