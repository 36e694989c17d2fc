using System.Buffers.Binary;
using Crypto;
using Tailnet.WireGuard.Wire;

namespace Tailnet.WireGuard;

/// <summary>The keypair of one finished handshake, and the counters of both directions (wireguard.md §2.5). No call allocates.</summary>
internal sealed class Session : IDisposable
{
    public const int KeyLength = ChaChaPoly.KeyLength;

    private readonly SecretBytes _keys = new(2 * KeyLength);
    private readonly ulong _rejectAfterMessages;
    private ReplayWindow _window;
    private ulong _sent;

    /// <param name="role">This node's side of the handshake.</param>
    /// <param name="localIndex">The receiver index of messages from the peer.</param>
    /// <param name="remoteIndex">The receiver index of messages to the peer.</param>
    /// <param name="keys">The sending key, then the receiving key: 64 bytes, which are copied.</param>
    /// <param name="createdAt">The current timestamp of the clock.</param>
    /// <param name="rejectAfterMessages">The first counter that is neither sent nor accepted.</param>
    public Session(
        HandshakeRole role, uint localIndex, uint remoteIndex, ReadOnlySpan<byte> keys, long createdAt, ulong rejectAfterMessages)
    {
        keys.CopyTo(_keys.Span);
        (Role, LocalIndex, RemoteIndex, CreatedAt, _rejectAfterMessages) = (role, localIndex, remoteIndex, createdAt, rejectAfterMessages);
    }

    public HandshakeRole Role { get; }

    public uint LocalIndex { get; }

    public uint RemoteIndex { get; }

    public long CreatedAt { get; }

    /// <summary>The number of this session among those of its peer, from 1.</summary>
    public int Number { get; init; }

    /// <summary>The number of sent messages, which is the counter of the next one.</summary>
    public ulong Sent
    {
        get => _sent;
        init => _sent = value;
    }

    /// <summary>Whether the rekey after <see cref="WireGuardTimes.RekeyAfterReceiving"/> was begun.</summary>
    public bool HasBegunRekey { get; set; }

    public bool IsUsedUp => Sent >= _rejectAfterMessages;

    /// <summary>Encrypts a packet into a transport message, in place.</summary>
    /// <param name="buffer">16 bytes for the header, the packet, and space for padding and tag.</param>
    /// <param name="packet">The length of the packet in bytes; 0 for a keep-alive.</param>
    /// <returns>The length of the message at the start of the buffer, in bytes.</returns>
    public int Seal(Span<byte> buffer, int packet)
    {
        var counter = _sent++;
        var message = TransportMessage.Create(buffer, packet, RemoteIndex, counter);
        Span<byte> nonce = stackalloc byte[ChaChaPoly.NonceLength];
        WriteNonce(nonce, counter);
        var body = message.Body;
        ChaChaPoly.Seal(_keys.Span[..KeyLength], nonce, default, body[..^TransportMessage.TagLength], body);
        return TransportMessage.HeaderLength + body.Length;
    }

    /// <summary>Authenticates and decrypts a message in place.</summary>
    /// <param name="message">A message to <see cref="LocalIndex"/>. Its body is overwritten.</param>
    /// <param name="packet">The packet with its padding; empty for a keep-alive.</param>
    public DropReason Open(TransportMessage message, out Span<byte> packet)
    {
        packet = default;
        var counter = message.Counter;
        if (counter >= _rejectAfterMessages)
        {
            return DropReason.OldSession;
        }

        Span<byte> nonce = stackalloc byte[ChaChaPoly.NonceLength];
        WriteNonce(nonce, counter);
        var body = message.Body;
        var plain = body[..^TransportMessage.TagLength];
        if (!ChaChaPoly.TryOpen(_keys.Span[KeyLength..], nonce, default, body, plain))
        {
            return DropReason.BadAead;
        }

        // Only an authentic packet may move the window.
        if (!_window.TryTake(counter))
        {
            return DropReason.Replay;
        }

        packet = plain;
        return DropReason.None;
    }

    public void Dispose() => _keys.Dispose();

    private static void WriteNonce(Span<byte> nonce, ulong counter)
    {
        nonce[..4].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(nonce[4..], counter);
    }
}
