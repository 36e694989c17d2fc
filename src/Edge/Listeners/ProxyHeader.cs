using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Edge.Listeners;

/// <summary>Whether the first bytes of a connection are a PROXY header.</summary>
internal enum ProxyHeaderStatus
{
    /// <summary>There are too few bytes to decide.</summary>
    NeedMore,

    /// <summary>There is no PROXY header; the bytes belong to the next protocol.</summary>
    None,

    /// <summary>The bytes begin like a PROXY header but are malformed. The connection has to be closed.</summary>
    Invalid,

    /// <summary>There is a complete header.</summary>
    Done,
}

/// <summary>
/// A PROXY protocol header, version 1 or 2 (HAProxy's "The PROXY protocol", 2.1 and 2.2). The addresses are null when the
/// header has none (UNKNOWN, LOCAL, UNSPEC, UNIX); the socket's own addresses apply then.
/// </summary>
/// <param name="Source">The client's address.</param>
/// <param name="Destination">The address that the client connected to.</param>
/// <param name="Length">Bytes of the header, which the caller removes from its input.</param>
internal readonly record struct ProxyHeader(IPEndPoint? Source, IPEndPoint? Destination, int Length)
{
    /// <summary>The longest version 1 line, with its CRLF (2.1).</summary>
    public const int MaxLineLength = 107;

    /// <summary>Most bytes after the fixed part of version 2: addresses and TLVs.</summary>
    public const int MaxBodyLength = 4096;

    private const int FixedLength = 16;

    private static ReadOnlySpan<byte> LinePrefix => "PROXY "u8;

    private static ReadOnlySpan<byte> Signature => [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

    /// <summary>Parses the first bytes of a connection. Never throws on malformed input.</summary>
    public static ProxyHeaderStatus TryParse(in ReadOnlySequence<byte> input, out ProxyHeader header)
    {
        header = default;
        Span<byte> buffer = stackalloc byte[FixedLength + 36];
        var start = buffer[..(int)Math.Min(input.Length, buffer.Length)];
        input.Slice(0, start.Length).CopyTo(start);
        if (Begins(start, LinePrefix))
        {
            return start.Length < LinePrefix.Length ? ProxyHeaderStatus.NeedMore : TryParseLine(input, out header);
        }

        if (Begins(start, Signature))
        {
            return start.Length < FixedLength ? ProxyHeaderStatus.NeedMore : TryParseBinary(start, input.Length, out header);
        }

        return ProxyHeaderStatus.None;

        static bool Begins(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> with)
        {
            var common = Math.Min(bytes.Length, with.Length);
            return bytes[..common].SequenceEqual(with[..common]);
        }
    }

    private static ProxyHeaderStatus TryParseLine(in ReadOnlySequence<byte> input, out ProxyHeader header)
    {
        header = default;
        Span<byte> buffer = stackalloc byte[MaxLineLength];
        var bytes = buffer[..(int)Math.Min(input.Length, MaxLineLength)];
        input.Slice(0, bytes.Length).CopyTo(bytes);
        var end = bytes.IndexOf((byte)'\n');
        if (end < 0)
        {
            return bytes.Length == MaxLineLength ? ProxyHeaderStatus.Invalid : ProxyHeaderStatus.NeedMore;
        }

        var line = bytes[..(end - 1)];
        if (bytes[end - 1] != '\r' || line.ContainsAnyExceptInRange((byte)' ', (byte)'~'))
        {
            return ProxyHeaderStatus.Invalid;
        }

        var text = Encoding.ASCII.GetString(line[LinePrefix.Length..]);

        // The rest of the line after UNKNOWN is ignored (2.1).
        if (text == "UNKNOWN" || text.StartsWith("UNKNOWN ", StringComparison.Ordinal))
        {
            header = new ProxyHeader(null, null, end + 1);
            return ProxyHeaderStatus.Done;
        }

        var words = text.Split(' ');
        var family = words[0] switch
        {
            "TCP4" => AddressFamily.InterNetwork,
            "TCP6" => AddressFamily.InterNetworkV6,
            _ => AddressFamily.Unspecified,
        };
        if (words.Length != 5 || family == AddressFamily.Unspecified
            || !TryParseEndPoint(family, words[1], words[3], out var source)
            || !TryParseEndPoint(family, words[2], words[4], out var destination))
        {
            return ProxyHeaderStatus.Invalid;
        }

        header = new ProxyHeader(source, destination, end + 1);
        return ProxyHeaderStatus.Done;
    }

    private static bool TryParseEndPoint(AddressFamily family, string address, string port, out IPEndPoint? endPoint)
    {
        endPoint = null;
        if (!IPAddress.TryParse(address, out var parsed) || parsed.AddressFamily != family)
        {
            return false;
        }

        // IPAddress.TryParse also accepts 127.1, 0x7f.0.0.1, [::1]:80 and fe80::1%eth0, which the protocol does not allow.
        var exact = family == AddressFamily.InterNetwork ? parsed.ToString() == address : address.AsSpan().IndexOfAny('[', '%') < 0;
        if (!exact
            || port.Length is 0 or > 5
            || port.AsSpan().ContainsAnyExceptInRange('0', '9')
            || (port[0] == '0' && port.Length > 1)
            || int.Parse(port, System.Globalization.CultureInfo.InvariantCulture) is var number && number > ushort.MaxValue)
        {
            return false;
        }

        endPoint = new IPEndPoint(TrustedProxySet.Normalise(parsed), number);
        return true;
    }

    private static ProxyHeaderStatus TryParseBinary(ReadOnlySpan<byte> start, long available, out ProxyHeader header)
    {
        header = default;
        var version = start[12] >> 4;
        var command = start[12] & 0x0F;
        var length = BinaryPrimitives.ReadUInt16BigEndian(start[14..]);
        if (version != 2 || command > 1 || length > MaxBodyLength)
        {
            return ProxyHeaderStatus.Invalid;
        }

        // LOCAL is a connection of the proxy itself. The address block has no meaning then, whatever its family (2.2).
        var (addresses, known) = command == 0 ? (0, true) : start[13] switch
        {
            0x00 => (0, true),
            0x11 or 0x12 => (4, length >= 12),
            0x21 or 0x22 => (16, length >= 36),
            0x31 or 0x32 => (0, length >= 216),
            _ => (0, false),
        };
        if (!known)
        {
            return ProxyHeaderStatus.Invalid;
        }

        if (available < FixedLength + length)
        {
            return ProxyHeaderStatus.NeedMore;
        }

        var body = start[FixedLength..];
        header = addresses == 0
            ? new ProxyHeader(null, null, FixedLength + length)
            : new ProxyHeader(ReadEndPoint(body, 0, addresses), ReadEndPoint(body, 1, addresses), FixedLength + length);
        return ProxyHeaderStatus.Done;
    }

    /// <summary>The block is: source address, destination address, source port, destination port.</summary>
    private static IPEndPoint ReadEndPoint(ReadOnlySpan<byte> body, int index, int size) => new(
        TrustedProxySet.Normalise(new IPAddress(body.Slice(index * size, size))),
        BinaryPrimitives.ReadUInt16BigEndian(body[((2 * size) + (2 * index))..]));
}
