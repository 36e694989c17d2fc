using Tailnet.WireGuard;

namespace Tailnet.Tests.WireGuard;

/// <summary>Sending and receiving a packet in a session allocate nothing.</summary>
public sealed class AllocationTests
{
    private const int Packets = 1000;

    [Fact]
    public void APacketIsSealedAndOpenedWithoutAllocation()
    {
        using var raw = new RawPeer();
        raw.Peer.KeepsAlive = true;
        raw.Peer.Connect();
        Assert.Equal(DropReason.None, raw.Give(raw.Response(raw.Sent.Dequeue(), out var session)));
        using var kept = session;
        var packet = VirtualNode.Packet(1, 1200);
        var buffer = new byte[WireGuardPeer.BufferLength(packet.Length)];

        // The first round runs the just-in-time compiler.
        var allocated = long.MaxValue;
        for (var round = 0; round < 5 && allocated > 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var good = Exchange(raw.Peer, session, packet, buffer);
            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.Equal(Packets, good);
        }

        Assert.Equal(0, allocated);
    }

    private static int Exchange(WireGuardPeer peer, Session session, byte[] packet, byte[] buffer)
    {
        var good = 0;
        for (var i = 0; i < Packets; i++)
        {
            packet.CopyTo(buffer, WireGuardPeer.HeaderLength);
            var sent = peer.Send(buffer, packet.Length);
            packet.CopyTo(buffer, WireGuardPeer.HeaderLength);
            session.Seal(buffer, packet.Length);
            var reason = peer.Receive(buffer, out var received);
            good += sent == buffer.Length && reason is DropReason.None && received.Length == packet.Length && peer.NextDeadline > 0 ? 1 : 0;
        }

        return good;
    }
}
