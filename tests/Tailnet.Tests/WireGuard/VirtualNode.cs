using System.Buffers.Binary;
using Tailnet.WireGuard;
using Tailnet.WireGuard.Wire;

namespace Tailnet.Tests.WireGuard;

/// <summary>A node of a <see cref="VirtualLink"/> with one peer, and a record of its events.</summary>
internal sealed class VirtualNode(VirtualLink link, WireGuardOptions? options) : IWireGuardOutput, IDisposable
{
    private readonly WireGuardOptions _options = options ?? new WireGuardOptions();

    public WireGuardIdentity Identity { get; private set; } = WireGuardIdentity.Generate();

    public WireGuardNode Node { get; private set; } = null!;

    public WireGuardPeer Peer { get; private set; } = null!;

    public VirtualNode Other { get; private set; } = null!;

    /// <summary>The numbers of the packets that arrived, in order.</summary>
    public List<int> Received { get; } = [];

    public List<(TimeSpan At, HandshakeRole Role)> Sessions { get; } = [];

    public List<(TimeSpan At, MessageKind Kind, int Length)> Sent { get; } = [];

    public List<DropReason> Drops { get; } = [];

    public int GiveUps { get; private set; }

    /// <summary>A packet with the IPv6 fields that WireGuard reads.</summary>
    public static byte[] Packet(int number, int payload = 8)
    {
        var packet = new byte[40 + payload];
        packet[0] = 0x60;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)payload);
        BinaryPrimitives.WriteInt32BigEndian(packet.AsSpan(40), number);
        return packet;
    }

    /// <summary>Sets the other node as the peer, and drops the state of an earlier peer.</summary>
    public void Meet(VirtualNode other)
    {
        Other = other;
        Peer?.Dispose();
        Node ??= new WireGuardNode(Identity, _options, link.Time);
        Assert.True(Node.TryAddPeer(other.Identity.PublicKey, this, out var peer));
        Peer = peer;
    }

    /// <summary>Drops all state, like a process that restarts. The key can change.</summary>
    public void Restart(bool withNewKey = false)
    {
        Peer.Dispose();
        if (withNewKey)
        {
            Identity.Dispose();
            Identity = WireGuardIdentity.Generate();
        }

        Node = new WireGuardNode(Identity, _options, link.Time);
        Meet(Other);
    }

    public void SendPacket(int number, int payload = 8)
    {
        var packet = Packet(number, payload);
        var buffer = new byte[WireGuardPeer.BufferLength(packet.Length)];
        packet.CopyTo(buffer, WireGuardPeer.HeaderLength);
        var length = Peer.Send(buffer, packet.Length);
        if (length > 0)
        {
            Send(Peer, buffer.AsSpan(0, length));
        }
    }

    public DropReason Take(byte[] message)
    {
        var reason = Peer.Receive(message, out var packet);
        if (reason is not DropReason.None)
        {
            Drops.Add(reason);
        }

        if (!packet.IsEmpty)
        {
            var number = BinaryPrimitives.ReadInt32BigEndian(packet[40..]);
            Assert.Equal(Packet(number, packet.Length - 40), packet);
            Received.Add(number);
        }

        return reason;
    }

    public void Send(WireGuardPeer peer, ReadOnlySpan<byte> message)
    {
        var kind = MessageKinds.Of(message);
        Assert.NotEqual(MessageKind.None, kind);
        Sent.Add((link.Elapsed, kind, message.Length));
        link.Transmit(this, message);
    }

    public void Established(WireGuardPeer peer, HandshakeRole role) => Sessions.Add((link.Elapsed, role));

    public void GaveUp(WireGuardPeer peer) => GiveUps++;

    /// <summary>When messages of a kind were sent.</summary>
    public TimeSpan[] TimesOf(MessageKind kind) => [.. Sent.Where(sent => sent.Kind == kind).Select(static sent => sent.At)];

    public void Dispose()
    {
        Peer.Dispose();
        Identity.Dispose();
    }
}
