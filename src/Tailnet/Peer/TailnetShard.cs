using System.Security.Cryptography;
using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;
using Tailnet.WireGuard;

namespace Tailnet.Peer;

/// <summary>
/// Some of the agents of a tailnet node, and everything between a relay's packets and TCP streams to them. One lock guards all state; it is
/// held for a batch and never across a wait. The shard has no thread and no socket, and one timer.
/// </summary>
public sealed partial class TailnetShard : IDisposable
{
    private const int TurnsPerAgent = 4;

    private static ReadOnlySpan<byte> DiscoMagic => [0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac];

    private readonly TimeProvider _time;
    private readonly ITunnelOutput _tunnels;
    private readonly TailnetShardOptions _options;
    private readonly ITimer _timer;
    private readonly Dictionary<Guid, TailnetPeer> _agents = [];
    private readonly Dictionary<NodeKey, TailnetPeer> _keys = [];
    private readonly DeadlineHeap _deadlines = new();
    private readonly Queue<TailnetPeer> _marked = new();
    private readonly Queue<(TaskCompletionSource<DialFailure?> Waiter, DialFailure? Failure)> _released = new();
    private long _armedFor = TcpTimes.Never;
    private bool _isDisposed;

    /// <summary>Makes a shard.</summary>
    /// <param name="node">The key pair and what else all shards share; the caller disposes its identity after the shards.</param>
    /// <param name="address">This node's address in the tailnet.</param>
    /// <param name="output">The relays.</param>
    /// <param name="tunnels">The coordinator.</param>
    /// <param name="options">Bounds and times.</param>
    /// <param name="time">The clock, the same as the node's.</param>
    public TailnetShard(
        WireGuardNode node, Ipv6Address address, IRelayOutput output, ITunnelOutput tunnels, TailnetShardOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(tunnels);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        (Node, Address, Output, _tunnels, _options, _time) = (node, address, output, tunnels, options, time);
        QuietAfter = (long)options.QuietAfter.TotalMicroseconds;
        ForgetAfter = (long)options.ForgetAfter.TotalMicroseconds;
        LostAfter = (long)options.LostAfter.TotalMicroseconds;
        Context = new TcpContext(time, options.MaxBuffered, static () => (uint)RandomNumberGenerator.GetInt32(int.MinValue, int.MaxValue));
        _timer = time.CreateTimer(static shard => ((TailnetShard)shard!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    internal WireGuardNode Node { get; }

    internal Ipv6Address Address { get; }

    internal IRelayOutput Output { get; }

    internal TcpContext Context { get; }

    internal TailnetCounters Counters { get; } = new();

    /// <summary>The one buffer in which packets are written and sealed, one after the other.</summary>
    internal byte[] Buffer { get; } = new byte[WireGuardPeer.BufferLength(WireGuardPeer.Mtu)];

    internal long QuietAfter { get; }

    internal long ForgetAfter { get; }

    internal long LostAfter { get; }

    /// <summary>Takes what a relay has delivered. Answers are sent by <see cref="EndOfBatch"/>.</summary>
    /// <param name="source">The key that the relay names as the sender's.</param>
    /// <param name="message">The message; it is opened in place.</param>
    public void Receive(in NodeKey source, Span<byte> message)
    {
        lock (Context.Gate)
        {
            if (_isDisposed)
            {
                return;
            }

            if (message.StartsWith(DiscoMagic))
            {
                Counters.Disco++;
            }
            else if (_keys.TryGetValue(source, out var peer))
            {
                peer.Receive(message, Context.Now);
                Mark(peer);
            }
            else
            {
                Counters.UnknownKeys++;
            }
        }
    }

    /// <summary>Sends what the packets of a batch have caused, and lets waiting reads, writes and dials go on.</summary>
    public void EndOfBatch()
    {
        lock (Context.Gate)
        {
            Serve();
        }

        RunCompletions();
    }

    /// <summary>Takes the node of an agent from the coordinator.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="key">The key of its node. Another key than before means that the agent was restarted.</param>
    /// <param name="addresses">Its addresses.</param>
    /// <param name="home">Its home region; a node without one is ignored.</param>
    /// <returns>False when the node was not taken: nobody dials the agent, or the node cannot be used.</returns>
    /// <remarks>
    /// A key belongs to the agent that had it first. Otherwise an agent could take over the messages of another by naming its key.
    /// </remarks>
    public bool SetNode(Guid agent, in NodeKey key, ReadOnlySpan<Ipv6Address> addresses, int home)
    {
        lock (Context.Gate)
        {
            if (_isDisposed || !_agents.TryGetValue(agent, out var peer))
            {
                return false;
            }

            if (home <= 0 || addresses.IsEmpty || (_keys.TryGetValue(key, out var owner) && owner != peer)
                || !peer.TrySetNode(key, addresses, home))
            {
                Counters.BadNodes++;
                return false;
            }

            _keys[key] = peer;
            Mark(peer);
            Serve();
        }

        RunCompletions();
        return true;
    }

    /// <summary>The agent says that it knows this node: a handshake that is being tried is tried again at once.</summary>
    /// <param name="agent">The agent.</param>
    public void PeerIsReady(Guid agent) => Update(agent, static (peer, _) => peer.PeerIsReady());

    /// <summary>
    /// The coordinator has lost the agent. Its connections stay; its node goes when no handshake succeeds for 15 minutes.
    /// </summary>
    /// <param name="agent">The agent.</param>
    public void Lost(Guid agent) => Update(agent, static (peer, shard) => peer.Lose(shard.Context.Now));

    /// <summary>The agent has disconnected: its connections end, and dials wait for its next node.</summary>
    /// <param name="agent">The agent.</param>
    public void Disconnected(Guid agent) => Update(agent, static (peer, _) => peer.DropNode(TcpCloseReason.AgentGone));

    /// <summary>Where an agent is in its life.</summary>
    /// <param name="agent">The agent.</param>
    public TailnetPeerState StateOf(Guid agent)
    {
        lock (Context.Gate)
        {
            return _agents.TryGetValue(agent, out var peer) ? peer.State(Context.Now) : TailnetPeerState.Forgotten;
        }
    }

    /// <summary>Ends all connections by RST, and all dials.</summary>
    public void Dispose()
    {
        lock (Context.Gate)
        {
            if (_isDisposed)
            {
                return;
            }

            foreach (var peer in _agents.Values)
            {
                peer.Forget(TcpCloseReason.Stopping, tellPeer: true);
            }

            _isDisposed = true;
            _agents.Clear();
            _keys.Clear();
            _timer.Dispose();
        }

        RunCompletions();
    }

    /// <summary>A stream has something to send. Without the lock.</summary>
    internal void Wake(TailnetPeer peer)
    {
        lock (Context.Gate)
        {
            Mark(peer);
            Serve();
        }
    }

    /// <summary>A key is no agent's any more.</summary>
    internal void Drop(NodeKey key) => _keys.Remove(key);

    /// <summary>A dial is to go on once the lock is free.</summary>
    internal void Release(TaskCompletionSource<DialFailure?> waiter, DialFailure? failure) => _released.Enqueue((waiter, failure));

    /// <summary>A timestamp of the clock in microseconds of the stack's clock, never too early.</summary>
    internal long FromTimestamp(long timestamp, long now)
    {
        if (timestamp == long.MaxValue)
        {
            return TcpTimes.Never;
        }

        var distance = _time.GetElapsedTime(_time.GetTimestamp(), timestamp);
        return now + (long)Math.Ceiling(distance.TotalMicroseconds);
    }

    private void Update(Guid agent, Action<TailnetPeer, TailnetShard> change)
    {
        lock (Context.Gate)
        {
            if (!_agents.TryGetValue(agent, out var peer))
            {
                return;
            }

            change(peer, this);
            Mark(peer);
            Serve();
        }

        RunCompletions();
    }

    private void Tick()
    {
        lock (Context.Gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _armedFor = TcpTimes.Never;
            var now = Context.Now;
            while (_deadlines.Next <= now)
            {
                var peer = _deadlines.First;
                _deadlines.Remove(peer);
                peer.Tick(now);
                Mark(peer);
            }

            Serve();
        }

        RunCompletions();
    }

    private void Mark(TailnetPeer peer)
    {
        if (!peer.IsMarked)
        {
            peer.IsMarked = true;
            _marked.Enqueue(peer);
        }
    }

    /// <summary>Lets agents with work send in turns, and sets their deadlines and the timer.</summary>
    private void Serve()
    {
        while (_marked.TryDequeue(out var peer))
        {
            peer.IsMarked = false;
            if (peer.IsForgotten)
            {
                continue;
            }

            var now = Context.Now;
            if (peer.Host.Send(TurnsPerAgent, now))
            {
                Mark(peer);
            }
            else if (peer.Settle(now, out var deadline))
            {
                Forget(peer);
            }
            else
            {
                _deadlines.Set(peer, deadline);
            }
        }

        Arm();
    }

    /// <summary>
    /// The timer is moved only to an earlier time: coming too early does no harm, and most deadlines move away before they pass.
    /// </summary>
    private void Arm()
    {
        var next = _deadlines.Next;
        if (!_isDisposed && next < _armedFor)
        {
            // Timers have milliseconds: a shorter wait would end before the deadline, again and again.
            _armedFor = next;
            _timer.Change(
                TimeSpan.FromMilliseconds(Math.Ceiling(TcpContext.Until(next, Context.Now).TotalMilliseconds)), Timeout.InfiniteTimeSpan);
        }
    }

    private void RunCompletions()
    {
        while (true)
        {
            (TaskCompletionSource<DialFailure?> Waiter, DialFailure? Failure) released;
            lock (Context.Gate)
            {
                if (!_released.TryDequeue(out released))
                {
                    break;
                }
            }

            released.Waiter.TrySetResult(released.Failure);
        }

        Context.RunCompletions();
    }
}
