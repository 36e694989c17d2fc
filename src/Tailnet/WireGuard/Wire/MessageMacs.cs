namespace Tailnet.WireGuard.Wire;

/// <summary>The two MACs at the end of both handshake messages (wireguard.md §2.3), and what they cover.</summary>
internal readonly ref struct MessageMacs
{
    public const int MacLength = 16;

    private readonly Span<byte> _message;

    public MessageMacs(Span<byte> message) => _message = message;

    public Span<byte> First => _message.Slice(_message.Length - (2 * MacLength), MacLength);

    public Span<byte> Second => _message[^MacLength..];

    public ReadOnlySpan<byte> CoveredByFirst => _message[..^(2 * MacLength)];

    public ReadOnlySpan<byte> CoveredBySecond => _message[..^MacLength];
}
