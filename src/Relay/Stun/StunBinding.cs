using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Relay.Stun;

/// <summary>The STUN binding exchange of tailnets (stun.md): a client asks for its own address. Pure.</summary>
public static class StunBinding
{
    /// <summary>The length of a request in bytes.</summary>
    public const int RequestLength = 40;

    /// <summary>The length of the longest response in bytes.</summary>
    public const int MaxResponseLength = 44;

    /// <summary>The length of a transaction id in bytes.</summary>
    public const int TransactionLength = 12;

    private const int HeaderLength = 20;
    private const uint Cookie = 0x2112a442;
    private const ushort Software = 0x8022;
    private const ushort Fingerprint = 0x8028;
    private const ushort XorMappedAddress = 0x0020;
    private const uint FingerprintMask = 0x5354554e;

    private static ReadOnlySpan<byte> SoftwareName => "tailnode"u8;

    /// <summary>Reads a request of a tailnet client, whose last attribute is a valid fingerprint.</summary>
    /// <param name="packet">A datagram.</param>
    /// <param name="transaction">The transaction id, which the response repeats.</param>
    /// <returns>False for any other datagram, which gets no answer.</returns>
    public static bool TryReadRequest(ReadOnlySpan<byte> packet, out ReadOnlySpan<byte> transaction)
    {
        transaction = default;
        if (packet.Length < HeaderLength
            || BinaryPrimitives.ReadUInt16BigEndian(packet) != 0x0001
            || BinaryPrimitives.ReadUInt32BigEndian(packet[4..]) != Cookie)
        {
            return false;
        }

        var rest = packet[HeaderLength..];
        var isTailnode = false;
        while (rest.Length >= 4)
        {
            var type = BinaryPrimitives.ReadUInt16BigEndian(rest);
            var length = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]);
            var padded = 4 + ((length + 3) & ~3);
            if (rest.Length < padded)
            {
                return false;
            }

            var value = rest.Slice(4, length);
            isTailnode |= type == Software && value.SequenceEqual(SoftwareName);
            if (rest.Length == padded)
            {
                transaction = packet.Slice(8, TransactionLength);
                return isTailnode
                    && type == Fingerprint
                    && length == 4
                    && BinaryPrimitives.ReadUInt32BigEndian(value) == FingerprintOf(packet[..^8]);
            }

            rest = rest[padded..];
        }

        return false;
    }

    /// <summary>Writes a request.</summary>
    /// <param name="destination">At least <see cref="RequestLength"/> bytes.</param>
    /// <param name="transaction">12 bytes.</param>
    /// <returns>The bytes written.</returns>
    public static int WriteRequest(Span<byte> destination, ReadOnlySpan<byte> transaction)
    {
        WriteHeader(destination, 0x0001, RequestLength - HeaderLength, transaction);
        BinaryPrimitives.WriteUInt16BigEndian(destination[20..], Software);
        BinaryPrimitives.WriteUInt16BigEndian(destination[22..], 8);
        SoftwareName.CopyTo(destination[24..]);
        BinaryPrimitives.WriteUInt16BigEndian(destination[32..], Fingerprint);
        BinaryPrimitives.WriteUInt16BigEndian(destination[34..], 4);
        BinaryPrimitives.WriteUInt32BigEndian(destination[36..], FingerprintOf(destination[..32]));
        return RequestLength;
    }

    /// <summary>Writes the response. An IPv4-mapped IPv6 address is written as IPv4.</summary>
    /// <param name="destination">At least <see cref="MaxResponseLength"/> bytes.</param>
    /// <param name="transaction">The request's transaction id.</param>
    /// <param name="client">The address that sent the request.</param>
    /// <returns>The bytes written: 32 or 44.</returns>
    public static int WriteResponse(Span<byte> destination, ReadOnlySpan<byte> transaction, IPEndPoint client)
    {
        ArgumentNullException.ThrowIfNull(client);
        Span<byte> address = stackalloc byte[16];
        client.Address.TryWriteBytes(address, out var length);
        var ip = address[..length];
        if (client.Address.IsIPv4MappedToIPv6)
        {
            ip = address[12..];
        }

        WriteHeader(destination, 0x0101, 8 + ip.Length, transaction);
        BinaryPrimitives.WriteUInt16BigEndian(destination[20..], XorMappedAddress);
        BinaryPrimitives.WriteUInt16BigEndian(destination[22..], (ushort)(4 + ip.Length));
        destination[24] = 0;
        destination[25] = ip.Length == 4 ? (byte)1 : (byte)2;
        BinaryPrimitives.WriteUInt16BigEndian(destination[26..], (ushort)(client.Port ^ (int)(Cookie >> 16)));
        for (var i = 0; i < ip.Length; i++)
        {
            // The XOR mask is the cookie followed by the transaction id, as in the header.
            destination[28 + i] = (byte)(ip[i] ^ destination[4 + i]);
        }

        return 28 + ip.Length;
    }

    /// <summary>Reads a response in the form of <see cref="WriteResponse"/>.</summary>
    /// <param name="packet">A datagram.</param>
    /// <param name="transaction">The request's transaction id.</param>
    /// <param name="client">The address in the response.</param>
    /// <returns>False for any other datagram.</returns>
    public static bool TryReadResponse(ReadOnlySpan<byte> packet, ReadOnlySpan<byte> transaction, out IPEndPoint? client)
    {
        client = null;
        if (packet.Length is not (32 or 44)
            || BinaryPrimitives.ReadUInt16BigEndian(packet) != 0x0101
            || BinaryPrimitives.ReadUInt32BigEndian(packet[4..]) != Cookie
            || !packet.Slice(8, TransactionLength).SequenceEqual(transaction)
            || BinaryPrimitives.ReadUInt16BigEndian(packet[20..]) != XorMappedAddress)
        {
            return false;
        }

        Span<byte> ip = stackalloc byte[16];
        ip = ip[..(packet.Length - 28)];
        for (var i = 0; i < ip.Length; i++)
        {
            ip[i] = (byte)(packet[28 + i] ^ packet[4 + i]);
        }

        client = new IPEndPoint(new IPAddress(ip), BinaryPrimitives.ReadUInt16BigEndian(packet[26..]) ^ (int)(Cookie >> 16));
        return (packet[25] == 1) == (client.AddressFamily == AddressFamily.InterNetwork);
    }

    private static void WriteHeader(Span<byte> destination, ushort type, int length, ReadOnlySpan<byte> transaction)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, type);
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)length);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], Cookie);
        transaction[..TransactionLength].CopyTo(destination[8..]);
    }

    // CRC-32 of IEEE 802.3, bit by bit: 32 bytes need no table.
    private static uint FingerprintOf(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xedb88320 & (uint)-(int)(crc & 1));
            }
        }

        return ~crc ^ FingerprintMask;
    }
}
