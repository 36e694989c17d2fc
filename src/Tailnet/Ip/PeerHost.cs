using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;

namespace Tailnet.Ip;

/// <summary>
/// The IP layer for one agent: its TCP connections by local port, and the answers to pings. A packet of an agent is looked up only among
/// the connections to that agent. The owner holds the lock of the context for every call except <see cref="Connect"/>. It calls
/// <see cref="Receive"/> for each packet, <see cref="Send"/> at the end of the batch and <see cref="Tick"/> at <see cref="NextDeadline"/>.
/// It calls <see cref="TcpContext.RunCompletions"/> after it has released the lock.
/// </summary>
internal sealed partial class PeerHost : ITcpHost
{
    private const int FirstPort = 32768;
    private const int MaxConnections = 256;
    private const int SegmentsPerTurn = 8;
    private const long MaxInFlight = 1024 * 1024;

    private readonly IPacketOutput _output;
    private readonly Action<PeerHost> _wake;
    private readonly Dictionary<ushort, TcpConnection> _connections = [];
    private readonly TimeWaitTable _timeWait = new();
    private readonly Queue<TcpConnection> _ready = new();
    private readonly Queue<TcpConnection> _awaitingAllowance = new();
    private readonly List<TcpConnection> _snapshot = [];
    private readonly RateLimit _resetLimit = new(10, 10);
    private readonly RateLimit _echoLimit = new(10, 10);
    private readonly RateLimit _pongLimit = new(10, 10);

    private Ipv6Address[] _peers = [];
    private long _inFlight;
    private ushort _nextPort;

    /// <param name="context">The lock, clock, memory and counters of the stack.</param>
    /// <param name="output">The buffer for packets to the agent.</param>
    /// <param name="address">This node's address.</param>
    /// <param name="wake">The host calls it without the lock when a stream has something to send.</param>
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

    /// <summary>TSMP pings that wait for their pong.</summary>
    public PingTable Pings { get; }

    /// <summary>Time of the next <see cref="Tick"/>, in microseconds; at or before the earliest timer of a connection.</summary>
    public long NextDeadline { get; private set; } = TcpTimes.Never;

    /// <summary>Number of connections, without those in TIME-WAIT.</summary>
    public int Connections => _connections.Count;

    /// <summary>The last measured round trip in microseconds, of a ping or of a connection's segment; 0 before the first.</summary>
    public long RoundTrip { get; private set; }

    /// <summary>Whether a connection waits for <see cref="Send"/>.</summary>
    public bool HasOutput => _ready.Count > 0;

    /// <summary>Number of local ports in TIME-WAIT.</summary>
    public int TimeWaitPorts => _timeWait.Count;

    /// <inheritdoc/>
    long ITcpHost.Allowance => MaxInFlight - _inFlight;

    /// <summary>Sets the source addresses that packets of the agent may have.</summary>
    public void SetPeerAddresses(ReadOnlySpan<Ipv6Address> addresses) => _peers = addresses.ToArray();

    /// <summary>
    /// Opens a connection; null when the agent has 256 connections or the buffer pool is full. The method takes the lock.
    /// </summary>
    /// <remarks>The caller awaits <see cref="TcpStream.ConnectAsync"/>. It must dispose the stream when that fails.</remarks>
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
            Context.Connections++;
            stream = connection.Stream;
        }

        _wake(this);
        return stream;
    }

    /// <summary>Sends the segments that the connections may send now. True when the turns are used up and more can be sent.</summary>
    /// <param name="turns">Turns of connections, each of at most 8 segments with data.</param>
    /// <param name="now">The stack's clock in microseconds.</param>
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

    /// <summary>Runs the timers of connections that have expired.</summary>
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
                _snapshot.Add(connection);
            }
            else
            {
                Schedule(connection.Deadline);
            }
        }

        foreach (var connection in _snapshot)
        {
            connection.Tick(now);
        }

        _snapshot.Clear();
    }

    /// <summary>Sends waiting SYNs at once, because a WireGuard session with the agent has come up.</summary>
    public void PathUp(long now)
    {
        foreach (var connection in _connections.Values)
        {
            connection.PathUp(now);
        }
    }

    /// <summary>Ends all connections, with an RST if <paramref name="tellPeer"/> is set.</summary>
    public void Abort(TcpCloseReason reason, bool tellPeer)
    {
        _snapshot.AddRange(_connections.Values);
        foreach (var connection in _snapshot)
        {
            connection.Abort(reason, tellPeer);
        }

        _snapshot.Clear();
    }

    /// <summary>Sends a TSMP ping; false when 16 pings are unanswered, or the output is blocked.</summary>
    /// <param name="remote">The agent's address.</param>
    /// <param name="now">The stack's clock in microseconds.</param>
    /// <param name="data">The eight bytes of the ping.</param>
    /// <param name="answered">Called at the pong, under the lock, with the round-trip time in microseconds.</param>
    public bool TryPing(in Ipv6Address remote, long now, out ulong data, Action<long>? answered = null)
    {
        data = 0;
        var packet = Pings.IsFull(now) ? default : _output.Begin();
        if (packet.IsEmpty)
        {
            return false;
        }

        data = Pings.Add(now, answered);
        _output.Commit(Tsmp.WritePing(packet, Address, remote, data));
        return true;
    }

    /// <inheritdoc/>
    public void FlightChanged(long delta)
    {
        _inFlight += delta;
        if (_inFlight <= MaxInFlight - TcpTimes.MaxSegment)
        {
            while (_awaitingAllowance.TryDequeue(out var connection))
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
        if (!_awaitingAllowance.Contains(connection))
        {
            _awaitingAllowance.Enqueue(connection);
        }
    }

    /// <inheritdoc/>
    public void Schedule(long deadline) => NextDeadline = Math.Min(NextDeadline, deadline);

    /// <inheritdoc/>
    public void Ended(TcpConnection connection, bool timeWait)
    {
        if (_connections.Remove(connection.LocalPort))
        {
            Context.Connections--;
        }

        if (timeWait)
        {
            var now = Context.Now;
            _timeWait.Add(connection.ToTimeWait(now), now);
        }
    }

    /// <inheritdoc/>
    public void Wake() => _wake(this);

    /// <inheritdoc/>
    public void Refuse(in TcpSegment segment, in Ipv6Address remote, long now) => TryRefuse(segment, remote, now);

    /// <summary>
    /// Ports are allocated in ascending order from a random start, so that the reuse of a port takes as long as possible.
    /// </summary>
    private ushort NextPort(long now)
    {
        // At most 512 of the 32,768 ports are in use or in TIME-WAIT, so a free port exists.
        do
        {
            _nextPort = (ushort)(_nextPort == ushort.MaxValue ? FirstPort : _nextPort + 1);
        }
        while (_connections.ContainsKey(_nextPort) || _timeWait.TryFind(_nextPort, now, out _));

        return _nextPort;
    }
}
