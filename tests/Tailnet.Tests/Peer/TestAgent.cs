using Tailnet.Ip.Wire;
using Tailnet.Peer;
using Tailnet.Tests.Ip;
using Tailnet.WireGuard;

namespace Tailnet.Tests.Peer;

/// <summary>
/// An agent on a <see cref="TestRelay"/>: a WireGuard peer of this project with the simulated TCP server behind it. The agent refuses
/// connections to port 99. All agents have the same address.
/// </summary>
internal sealed class TestAgent : IWireGuardOutput, IDisposable
{
    private const ushort RefusedPort = 99;

    private readonly TestRelay _relay;
    private readonly WireGuardIdentity _identity = WireGuardIdentity.Generate();
    private readonly WireGuardPeer _peer;
    private readonly byte[] _buffer = new byte[WireGuardPeer.BufferLength(WireGuardPeer.Mtu)];

    public TestAgent(TestRelay relay, ServerSettings settings)
    {
        _relay = relay;
        var node = new WireGuardNode(_identity, new WireGuardOptions(), relay.Time);
        Assert.True(node.TryAddPeer(relay.Identity.PublicKey, this, out var peer));
        _peer = peer;
        Server = new SimulatedServer(settings, SendPacket, Simulation.Node, 77);
        Key = NodeKey.Read(_identity.PublicKey);
    }

    public NodeKey Key { get; }

    public SimulatedServer Server { get; }

    /// <summary>Whether the agent knows the node's key. Otherwise it drops all messages.</summary>
    public bool KnowsNode { get; set; } = true;

    /// <summary>Whether the agent sends nothing.</summary>
    public bool IsSilent { get; set; }

    public void Receive(byte[] message)
    {
        if (!KnowsNode || _peer.Receive(message, out var packet) is not DropReason.None || packet.IsEmpty)
        {
            return;
        }

        Assert.True(Ipv6Header.TryRead(packet, out var ip));
        if (ip.Protocol == IpProtocol.Tsmp && Tsmp.Read(packet, ip, out var data) == TsmpKind.Ping)
        {
            var pong = new byte[Tsmp.PongLength];
            SendPacket(pong[..Tsmp.WritePong(pong, SimulatedServer.Address, Simulation.Node, data)]);
        }

        if (ip.Protocol != IpProtocol.Tcp)
        {
            return;
        }

        Assert.Equal(SegmentStatus.Ok, TcpSegment.Read(packet, ip, out var segment));
        if (segment.DestinationPort == RefusedPort)
        {
            var answer = new byte[WireGuardPeer.Mtu];
            var header = new TcpHeader(
                segment.DestinationPort, segment.SourcePort, 0, segment.Sequence + segment.Length, TcpFlags.Rst | TcpFlags.Ack, 0);
            SendPacket(answer[..header.Write(answer, SimulatedServer.Address, Simulation.Node, default, 0)]);
            return;
        }

        Server.Receive(packet.ToArray(), _relay.Now);
        Server.Run(_relay.Now);
    }

    public void Run()
    {
        if (_peer.NextDeadline <= _relay.Time.GetTimestamp())
        {
            _peer.Tick();
        }

        if (Server.Deadline(_relay.Now) <= _relay.Now)
        {
            Server.Run(_relay.Now);
        }
    }

    public void SendPacket(byte[] packet)
    {
        if (IsSilent)
        {
            return;
        }

        packet.CopyTo(_buffer, WireGuardPeer.HeaderLength);
        var length = _peer.Send(_buffer, packet.Length);
        if (length > 0)
        {
            _relay.ToNode(Key, _buffer.AsSpan(0, length));
        }
    }

    public void Send(WireGuardPeer peer, ReadOnlySpan<byte> message)
    {
        if (!IsSilent)
        {
            _relay.ToNode(Key, message);
        }
    }

    public void Established(WireGuardPeer peer, HandshakeRole role)
    {
    }

    public void GaveUp(WireGuardPeer peer)
    {
    }

    public void Dispose()
    {
        _peer.Dispose();
        _identity.Dispose();
    }
}
