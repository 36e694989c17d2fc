using Crypto;
using Tailnet.WireGuard;
using Tailnet.WireGuard.Wire;

namespace Tailnet.Tests.WireGuard;

/// <summary>
/// A peer that creates single messages; the test holds its state. It can send messages that a node of this project would not send, and
/// act as a peer that drops its own handshake when another one arrives, like wireguard-go.
/// </summary>
internal sealed class RawPeer : IWireGuardOutput, IDisposable
{
    private readonly PeerKeys _nodeKeys;
    private long _lastTimestamp;

    public RawPeer(WireGuardOptions? options = null)
    {
        Node = new WireGuardNode(NodeIdentity, options ?? new WireGuardOptions(), Time);
        Assert.True(Node.TryAddPeer(Identity.PublicKey, this, out var peer));
        Assert.True(PeerKeys.TryCreate(Identity, NodeIdentity.PublicKey, out var keys));
        (Peer, _nodeKeys) = (peer, keys);
    }

    public ManualTimeProvider Time { get; } = new();

    public WireGuardIdentity Identity { get; } = WireGuardIdentity.Generate();

    public WireGuardIdentity NodeIdentity { get; } = WireGuardIdentity.Generate();

    public WireGuardNode Node { get; }

    /// <summary>The node's side.</summary>
    public WireGuardPeer Peer { get; }

    /// <summary>The messages that the node has sent.</summary>
    public Queue<byte[]> Sent { get; } = [];

    public List<HandshakeRole> Sessions { get; } = [];

    public void Send(WireGuardPeer peer, ReadOnlySpan<byte> message) => Sent.Enqueue(message.ToArray());

    public void Established(WireGuardPeer peer, HandshakeRole role) => Sessions.Add(role);

    public void GaveUp(WireGuardPeer peer) => Assert.Fail("nothing here takes 90 s");

    public DropReason Give(byte[] message) => Peer.Receive(message, out _);

    /// <summary>An initiation from the raw peer.</summary>
    public byte[] Initiation(InitiatorHalf half, uint index = 7, byte[]? timestamp = null)
    {
        var bytes = new byte[InitiationMessage.Length];
        if (timestamp is null)
        {
            timestamp = new byte[HandshakeClock.TimestampLength];
            new HandshakeClock(Time).Next(ref _lastTimestamp, timestamp);
        }

        half.Write(InitiationMessage.Create(bytes, index), Identity, _nodeKeys, X25519.NewPrivateKey(), timestamp);
        return Seal(bytes);
    }

    /// <summary>The response to an initiation of the node, and the raw peer's session.</summary>
    public byte[] Response(byte[] initiation, out Session session)
    {
        var message = new InitiationMessage(initiation);
        var state = new SymmetricState(new byte[SymmetricState.Length]);
        Assert.Equal(DropReason.None, ResponderHalf.Read(message, Identity, _nodeKeys, state, new byte[HandshakeClock.TimestampLength]));
        var bytes = new byte[ResponseMessage.Length];
        var keys = new byte[2 * Session.KeyLength];
        ResponderHalf.Write(
            ResponseMessage.Create(bytes, 9, message.Sender), _nodeKeys, message.Ephemeral, X25519.NewPrivateKey(), state, keys);
        session = new Session(HandshakeRole.Responder, 9, message.Sender, keys, 0, ulong.MaxValue);
        return Seal(bytes);
    }

    /// <summary>The raw peer's session from the node's response to its initiation.</summary>
    public Session Finish(InitiatorHalf half, byte[] response)
    {
        var keys = new byte[2 * Session.KeyLength];
        var message = new ResponseMessage(response);
        Assert.Equal(half.Index, message.Receiver);
        Assert.Equal(DropReason.None, half.Read(message, Identity, keys));
        return new Session(HandshakeRole.Initiator, half.Index, message.Sender, keys, 0, ulong.MaxValue);
    }

    /// <summary>A transport message from the raw peer.</summary>
    public static byte[] Transport(Session session, byte[] packet)
    {
        var buffer = new byte[TransportMessage.LengthFor(packet.Length)];
        packet.CopyTo(buffer, TransportMessage.HeaderLength);
        session.Seal(buffer, packet.Length);
        return buffer;
    }

    /// <summary>A cookie reply to a message of the node.</summary>
    public byte[] CookieReply(byte[] message, byte[] cookie)
    {
        var bytes = new byte[CookieReplyMessage.Length];
        bytes[0] = (byte)MessageKind.CookieReply;
        message.AsSpan(4, 4).CopyTo(bytes.AsSpan(4));
        var reply = new CookieReplyMessage(bytes);
        var key = NoiseConstants.HashOf(NoiseConstants.CookieLabel, Identity.PublicKey);
        XChaChaPoly.Seal(key, reply.Nonce, new MessageMacs(message).First, cookie, reply.SealedCookie);
        return bytes;
    }

    /// <summary>Writes the correct first MAC.</summary>
    public byte[] Seal(byte[] message)
    {
        var macs = new MessageMacs(message);
        Blake2s.Mac(NodeIdentity.MacKey, macs.CoveredByFirst, macs.First);
        return message;
    }

    public void Dispose()
    {
        Peer.Dispose();
        _nodeKeys.Dispose();
        Identity.Dispose();
        NodeIdentity.Dispose();
    }
}
