using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;

namespace Tailnet.Ip;

/// <summary>
/// The IP layer towards one agent: its TCP connections by local port, and the answers to pings. Packets of one agent never meet the
/// connections of another. The owner calls everything under the lock of the context, except <see cref="Connect"/>: packets as they come,
/// then <see cref="Send"/> at the end of the batch, <see cref="Tick"/> at <see cref="NextDeadline"/>, and
/// <see cref="TcpContext.RunCompletions"/> once the lock is free.
/// </summary>
internal sealed class PeerHost : ITcpHost
{
    private const int FirstPort = 32768;
    private const int MaxConnections = 256;
    private const int SegmentsPerTurn = 8;
    private const long MaxInFlight = 1024 * 1024;

    private readonly IPacketOutput _output;
    private readonly Action<PeerHost> _wake;
    private readonly Dictionary<ushort, TcpConnection> _connections = [];
    private readonly TimeWaitTable _resting = new();
    private readonly Queue<TcpConnection> _ready = new();
    private readonly Queue<TcpConnection> _held = new();
    private readonly List<TcpConnection> _due = [];
    private readonly RateLimit _resets = new(10, 10);
    private readonly RateLimit _echoes = new(10, 10);
    private readonly RateLimit _pongs = new(10, 10);

    private Ipv6Address[] _peers = [];
    private long _inFlight;
    private ushort _nextPort;

    /// <summary>A host.</summary>
    /// <param name="context">What the hosts of a shard share.</param>
    /// <param name="output">Where packets to the agent go.</param>
    /// <param name="address">This node's address.</param>
    /// <param name="wake">Called without the lock when a stream has given the host something to send.</param>
    public PeerHost(TcpContext context, IPacketOutput output, Ipv6Address address, Action<PeerHost> wake)
    {
        Context = context;
        _output = output;
        _wake = wake;
        Address = address;
        Pings = new PingTable(context);
        _nextPort = (ushort)(FirstPort + (context.Random() % FirstPort));
    }

    /// <inheritdoc/>
    public TcpContext Context { get; }

    /// <inheritdoc/>
    public Ipv6Address Address { get; }

    /// <summary>Pings on their way.</summary>
    public PingTable Pings { get; }

    /// <summary>When <see cref="Tick"/> is to be called; it may be early, never late.</summary>
    public long NextDeadline { get; private set; } = TcpTimes.Never;

    /// <summary>How many connections there are.</summary>
    public int Connections => _connections.Count;

    /// <summary>Something waits for <see cref="Send"/>.</summary>
    public bool HasOutput => _ready.Count > 0;

    /// <summary>Ports that rest after their connection.</summary>
    public int RestingPorts => _resting.Count;

    /// <inheritdoc/>
    long ITcpHost.Allowance => MaxInFlight - _inFlight;

    /// <summary>Sets the addresses that the agent may send from.</summary>
    public void SetPeerAddresses(ReadOnlySpan<Ipv6Address> addresses) => _peers = addresses.ToArray();

    /// <summary>Opens a connection; null when there are too many, or too little memory. Takes the lock itself.</summary>
    /// <remarks>The caller awaits <see cref="TcpStream.ConnectAsync"/>, and disposes the stream when that fails.</remarks>
    public TcpStream? Connect(in Ipv6Address remote, ushort port, TcpSettings settings)
    {
        TcpStream stream;
        lock (Context.Gate)
        {
            var now = Context.Now;
            if (_connections.Count >= MaxConnections || Context.Buffers.IsFull)
            {
                return null;
            }

            var local = NextPort(now);
            var connection = new TcpConnection(this, remote, local, port, settings, now);
            _connections.Add(local, connection);
            stream = connection.Stream;
        }

        _wake(this);
        return stream;
    }

    /// <summary>Takes a packet that the agent's session has authenticated.</summary>
    public PacketVerdict Receive(ReadOnlySpan<byte> packet, long now)
    {
        if (!Ipv6Header.TryRead(packet, out var ip) || ip.Destination != Address || !_peers.Contains(ip.Source))
        {
            return PacketVerdict.BadIp;
        }

        return ip.Protocol switch
        {
            IpProtocol.Tcp => ReceiveTcp(packet, ip, now),
            IpProtocol.IcmpV6 => ReceiveIcmp(packet, ip, now),
            IpProtocol.Tsmp => ReceiveTsmp(packet, ip, now),
            _ => PacketVerdict.BadIp,
        };
    }

    /// <summary>Sends what may be sent. True when the turn is over and there is more.</summary>
    /// <param name="turns">Turns of connections, each of 8 segments.</param>
    /// <param name="now">The clock.</param>
    public bool Send(int turns, long now)
    {
        for (; _ready.Count > 0; turns--)
        {
            if (turns == 0)
            {
                return true;
            }

            var connection = _ready.Peek();
            var result = connection.Pump(_output, SegmentsPerTurn, now);
            if (result == PumpResult.Blocked)
            {
                return false;
            }

            _ready.Dequeue();
            connection.IsReady = false;
            if (result == PumpResult.More)
            {
                Ready(connection);
            }
        }

        return false;
    }

    /// <summary>Handles the timers that are due.</summary>
    public void Tick(long now)
    {
        if (now < NextDeadline)
        {
            return;
        }

        NextDeadline = TcpTimes.Never;
        foreach (var connection in _connections.Values)
        {
            if (connection.Deadline <= now)
            {
                _due.Add(connection);
            }
            else
            {
                Schedule(connection.Deadline);
            }
        }

        foreach (var connection in _due)
        {
            connection.Tick(now);
        }

        _due.Clear();
    }

    /// <summary>A session with the agent has come up.</summary>
    public void PathUp(long now)
    {
        foreach (var connection in _connections.Values)
        {
            connection.PathUp(now);
        }
    }

    /// <summary>Ends all connections: the agent is gone, or the process stops.</summary>
    public void Abort(TcpCloseReason reason, bool tellPeer)
    {
        _due.AddRange(_connections.Values);
        foreach (var connection in _due)
        {
            connection.Abort(reason, tellPeer);
        }

        _due.Clear();
    }

    /// <summary>Sends a ping; false when too many are on their way, or nothing can be sent now.</summary>
    public bool TryPing(in Ipv6Address remote, long now, out ulong data)
    {
        data = 0;
        var packet = Pings.IsFull(now) ? default : _output.Begin();
        if (packet.IsEmpty)
        {
            return false;
        }

        data = Pings.Add(now);
        _output.Commit(Tsmp.WritePing(packet, Address, remote, data));
        return true;
    }

    /// <inheritdoc/>
    public void FlightChanged(long by)
    {
        _inFlight += by;
        if (_inFlight <= MaxInFlight - TcpTimes.MaxSegment)
        {
            while (_held.TryDequeue(out var connection))
            {
                Ready(connection);
            }
        }
    }

    /// <inheritdoc/>
    public void Ready(TcpConnection connection)
    {
        if (!connection.IsReady)
        {
            connection.IsReady = true;
            _ready.Enqueue(connection);
        }
    }

    /// <inheritdoc/>
    public void AwaitAllowance(TcpConnection connection)
    {
        if (!_held.Contains(connection))
        {
            _held.Enqueue(connection);
        }
    }

    /// <inheritdoc/>
    public void Schedule(long deadline) => NextDeadline = Math.Min(NextDeadline, deadline);

    /// <inheritdoc/>
    public void Ended(TcpConnection connection, bool rests)
    {
        _connections.Remove(connection.LocalPort);
        if (rests)
        {
            var now = Context.Now;
            _resting.Add(connection.Rest(now), now);
        }
    }

    /// <inheritdoc/>
    public void Wake() => _wake(this);

    /// <inheritdoc/>
    public void Refuse(in TcpSegment segment, in Ipv6Address remote, long now) => TryRefuse(segment, remote, now);

    private PacketVerdict ReceiveTcp(ReadOnlySpan<byte> packet, in Ipv6Header ip, long now)
    {
        if (TcpSegment.Read(packet, ip, out var segment) != SegmentStatus.Ok)
        {
            return PacketVerdict.BadPayload;
        }

        if (_connections.TryGetValue(segment.DestinationPort, out var connection)
            && connection.RemotePort == segment.SourcePort && connection.Remote == ip.Source)
        {
            connection.Receive(segment, now);
            return PacketVerdict.Taken;
        }

        if (segment.Has(TcpFlags.Rst))
        {
            return PacketVerdict.NoConnection;
        }

        if (_resting.TryFind(segment.DestinationPort, now, out var resting)
            && resting.RemotePort == segment.SourcePort && resting.Remote == ip.Source)
        {
            return TryAcknowledge(resting, now) ? PacketVerdict.Taken : PacketVerdict.RateLimited;
        }

        return TryRefuse(segment, ip.Source, now) ? PacketVerdict.NoConnection : PacketVerdict.RateLimited;
    }

    private PacketVerdict ReceiveIcmp(ReadOnlySpan<byte> packet, in Ipv6Header ip, long now)
    {
        switch (IcmpV6.Read(packet, ip, out var quoted))
        {
            case IcmpKind.Echo:
                if (!_echoes.TryTake(now))
                {
                    return PacketVerdict.RateLimited;
                }

                var answer = _output.Begin();
                if (!answer.IsEmpty)
                {
                    _output.Commit(IcmpV6.WriteEchoReply(answer, packet, ip));
                }

                return PacketVerdict.Taken;
            case IcmpKind.Unreachable:
                if (_connections.TryGetValue(quoted.SourcePort, out var connection)
                    && connection.RemotePort == quoted.DestinationPort && connection.Remote == quoted.Destination)
                {
                    connection.Unreachable(quoted.Sequence);
                    return PacketVerdict.Taken;
                }

                return PacketVerdict.NoConnection;
            case IcmpKind.TooBig:
                return PacketVerdict.Taken;
            default:
                return PacketVerdict.BadPayload;
        }
    }

    private PacketVerdict ReceiveTsmp(ReadOnlySpan<byte> packet, in Ipv6Header ip, long now)
    {
        switch (Tsmp.Read(packet, ip, out var data))
        {
            case TsmpKind.Ping:
                if (!_pongs.TryTake(now))
                {
                    return PacketVerdict.RateLimited;
                }

                var answer = _output.Begin();
                if (!answer.IsEmpty)
                {
                    _output.Commit(Tsmp.WritePong(answer, Address, ip.Source, data));
                }

                return PacketVerdict.Taken;
            case TsmpKind.Pong:
                Pings.Answered(data, now);
                return PacketVerdict.Taken;
            default:
                return PacketVerdict.BadPayload;
        }
    }

    private bool TryAcknowledge(in RestingPort port, long now)
    {
        if (!_resets.TryTake(now))
        {
            return false;
        }

        var packet = _output.Begin();
        if (!packet.IsEmpty)
        {
            var header = new TcpHeader(port.LocalPort, port.RemotePort, port.Sequence, port.Acknowledgment, TcpFlags.Ack, 0);
            _output.Commit(header.Write(packet, Address, port.Remote, port.Timestamps, 0));
        }

        return true;
    }

    /// <summary>Answers by RST what belongs to no connection (RFC 9293 §3.10.7.1).</summary>
    private bool TryRefuse(in TcpSegment segment, in Ipv6Address remote, long now)
    {
        if (segment.Has(TcpFlags.Rst) || !_resets.TryTake(now))
        {
            return false;
        }

        var packet = _output.Begin();
        if (!packet.IsEmpty)
        {
            var header = segment.Has(TcpFlags.Ack)
                ? new TcpHeader(segment.DestinationPort, segment.SourcePort, segment.Acknowledgment, 0, TcpFlags.Rst, 0)
                : new TcpHeader(
                    segment.DestinationPort, segment.SourcePort, 0, segment.Sequence + segment.Length, TcpFlags.Rst | TcpFlags.Ack, 0);
            _output.Commit(header.Write(packet, Address, remote, default, 0));
        }

        return true;
    }

    /// <summary>Ports are taken in turn from a random start, so that one comes back only after all others.</summary>
    private ushort NextPort(long now)
    {
        // Connections and resting ports together are far fewer than ports, so one is free.
        do
        {
            _nextPort = (ushort)(_nextPort == ushort.MaxValue ? FirstPort : _nextPort + 1);
        }
        while (_connections.ContainsKey(_nextPort) || _resting.TryFind(_nextPort, now, out _));

        return _nextPort;
    }
}
