using System.Security.Cryptography;
using Tailnet.Disco;
using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;
using Tailnet.WireGuard;

namespace Tailnet.Peer;

/// <summary>
/// The agents of a tailnet node, with the protocol stack between relay messages and TCP streams. One lock guards all state. The
/// lock is held for one batch at most, and never across an await. The stack has one timer, and neither a thread nor a socket.
/// </summary>
public sealed partial class TailnetStack : IDisposable
{
    private const int TurnsPerAgent = 4;

    private readonly TimeProvider _time;
    private readonly ITunnelOutput _tunnels;
    private readonly TailnetStackOptions _options;
    private readonly ITimer _timer;
    private readonly Dictionary<Guid, TailnetPeer> _agents = [];
    private readonly Dictionary<NodeKey, TailnetPeer> _keys = [];
    private readonly DeadlineHeap _deadlines = new();
    private readonly Queue<TailnetPeer> _scheduled = new();
    private readonly Queue<(TaskCompletionSource<DialFailure?> Waiter, DialFailure? Failure)> _waitResults = new();
    private long _armedFor = TcpTimes.Never;
    private bool _isFlushDue;
    private bool _isDisposed;

    /// <summary>Makes a stack.</summary>
    /// <param name="node">The key pair and the state of handshakes. The caller disposes its identity after the stack.</param>
    /// <param name="disco">The keys that answer disco pings. The caller disposes them after the stack.</param>
    /// <param name="address">This node's address in the tailnet.</param>
    /// <param name="output">Sends messages to the relays.</param>
    /// <param name="tunnels">Sends requests to the coordinator.</param>
    /// <param name="options">Limits and times.</param>
    /// <param name="time">The clock, the same as the node's.</param>
    public TailnetStack(
        WireGuardNode node,
        DiscoKeys disco,
        Ipv6Address address,
        IRelayOutput output,
        ITunnelOutput tunnels,
        TailnetStackOptions options,
        TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(disco);
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(tunnels);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        (Node, Disco, Address, Output, _tunnels, _options, _time) = (node, disco, address, output, tunnels, options, time);
        QuietAfter = (long)options.QuietAfter.TotalMicroseconds;
        ForgetAfter = (long)options.ForgetAfter.TotalMicroseconds;
        LostAfter = (long)options.LostAfter.TotalMicroseconds;
        Context = new TcpContext(time, options.MaxBuffered, static () => (uint)RandomNumberGenerator.GetInt32(int.MinValue, int.MaxValue));
        _timer = time.CreateTimer(static stack => ((TailnetStack)stack!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    internal WireGuardNode Node { get; }

    internal DiscoKeys Disco { get; }

    internal Ipv6Address Address { get; }

    internal IRelayOutput Output { get; }

    internal TcpContext Context { get; }

    internal TailnetCounters Counters { get; } = new();

    /// <summary>The one buffer in which packets are written and sealed, one after the other.</summary>
    internal byte[] Buffer { get; } = new byte[WireGuardPeer.BufferLength(WireGuardPeer.Mtu)];

    internal DateTimeOffset UtcNow => _time.GetUtcNow();

    internal long QuietAfter { get; }

    internal long ForgetAfter { get; }

    internal long LostAfter { get; }

    /// <summary>Handles a message that a relay has delivered. <see cref="EndOfBatch"/> sends the answers.</summary>
    /// <param name="region">The region of the relay.</param>
    /// <param name="source">The sender's public key, as the relay states it.</param>
    /// <param name="message">The message. It is decrypted in place.</param>
    public void Receive(int region, in NodeKey source, Span<byte> message)
    {
        lock (Context.Gate)
        {
            if (_isDisposed)
            {
                return;
            }

            Counters.Received++;
            Counters.ReceivedBytes += message.Length;
            if (!_keys.TryGetValue(source, out var peer))
            {
                Counters.UnknownKeys++;
            }
            else if (message.StartsWith(DiscoMessages.Magic))
            {
                peer.ReceiveDisco(region, message, Context.Now);
                Schedule(peer);
            }
            else
            {
                peer.Receive(message, Context.Now);
                Schedule(peer);
            }
        }
    }

    /// <summary>Sends the answers to the messages of a batch, and completes reads, writes and dials that waited for them.</summary>
    public void EndOfBatch()
    {
        lock (Context.Gate)
        {
            Serve();
        }

        RunCompletions();
    }

    /// <summary>Sets the node of an agent, as the coordinator has sent it.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="key">The public key of its node. A changed key means that the agent was restarted.</param>
    /// <param name="disco">Its disco key of 32 bytes; empty for none.</param>
    /// <param name="addresses">Its addresses.</param>
    /// <param name="home">Its home region; a node without one is ignored.</param>
    /// <returns>False when the node was refused: no dial has created the agent here, or the node cannot be used.</returns>
    /// <remarks>
    /// A key belongs to the first agent that has it. Otherwise an agent could receive the messages of another one by claiming its key.
    /// </remarks>
    public bool SetNode(Guid agent, in NodeKey key, ReadOnlySpan<byte> disco, ReadOnlySpan<Ipv6Address> addresses, int home)
    {
        lock (Context.Gate)
        {
            if (_isDisposed || !_agents.TryGetValue(agent, out var peer))
            {
                return false;
            }

            if (home <= 0 || addresses.IsEmpty || (_keys.TryGetValue(key, out var owner) && owner != peer)
                || !peer.TrySetNode(key, disco, addresses, home))
            {
                Counters.BadNodes++;
                return false;
            }

            _keys[key] = peer;
            Schedule(peer);
            Serve();
        }

        RunCompletions();
        return true;
    }

    /// <summary>The agent has reported that it knows this node's key: a handshake in progress sends its next initiation at once.</summary>
    /// <param name="agent">The agent.</param>
    public void PeerIsReady(Guid agent) => Update(agent, static (peer, _) => peer.PeerIsReady());

    /// <summary>The relay of a region can be reached: handshakes that wait for it send their next initiation at once.</summary>
    /// <param name="region">The region.</param>
    public void RelayIsUp(int region)
    {
        lock (Context.Gate)
        {
            foreach (var peer in _agents.Values)
            {
                if (peer.Home == region && peer.IsShaking)
                {
                    peer.PeerIsReady();
                    Schedule(peer);
                }
            }

            Serve();
        }
    }

    /// <summary>
    /// The coordinator has lost the agent. Its connections stay open. Its node is dropped when no handshake has succeeded for
    /// <see cref="TailnetStackOptions.LostAfter"/>.
    /// </summary>
    /// <param name="agent">The agent.</param>
    public void Lost(Guid agent) => Update(agent, static (peer, stack) => peer.Lose(stack.Context.Now));

    /// <summary>The agent has disconnected: its connections end, and dials wait for its next node.</summary>
    /// <param name="agent">The agent.</param>
    public void Disconnected(Guid agent) => Update(agent, static (peer, _) => peer.DropNode(TcpCloseReason.AgentGone));

    /// <summary>Ends all connections by RST, and fails all dials.</summary>
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

            Output.Flush();

            _isDisposed = true;
            _agents.Clear();
            _keys.Clear();
            _timer.Dispose();
        }

        RunCompletions();
    }

    /// <summary>A stream of the agent has something to send. The caller does not hold the lock.</summary>
    internal void Wake(TailnetPeer peer)
    {
        lock (Context.Gate)
        {
            Schedule(peer);
            Serve();
        }
    }

    /// <summary>Removes the key of a dropped node.</summary>
    internal void RemoveKey(NodeKey key) => _keys.Remove(key);

    /// <summary>Sends a message to the relay, which the end of the batch flushes.</summary>
    internal void Transmit(in NodeKey destination, int region, ReadOnlySpan<byte> message)
    {
        if (Output.TrySend(destination, region, message))
        {
            _isFlushDue = true;
            Counters.Sent++;
            Counters.SentBytes += message.Length;
        }
        else
        {
            Counters.Unsent++;
        }
    }

    /// <summary>Queues the result of a dial's wait for a session; null is success. The dial continues after the lock is released.</summary>
    internal void CompleteWait(TaskCompletionSource<DialFailure?> waiter, DialFailure? failure) => _waitResults.Enqueue((waiter, failure));

    /// <summary>Converts a timestamp of the clock to microseconds of the TCP clock, rounded up.</summary>
    internal long FromTimestamp(long timestamp, long now)
    {
        if (timestamp == long.MaxValue)
        {
            return TcpTimes.Never;
        }

        var distance = _time.GetElapsedTime(_time.GetTimestamp(), timestamp);
        return now + (long)Math.Ceiling(distance.TotalMicroseconds);
    }

    private void Update(Guid agent, Action<TailnetPeer, TailnetStack> change)
    {
        lock (Context.Gate)
        {
            if (!_agents.TryGetValue(agent, out var peer))
            {
                return;
            }

            change(peer, this);
            Schedule(peer);
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
                Schedule(peer);
            }

            Serve();
        }

        RunCompletions();
    }

    private void Schedule(TailnetPeer peer)
    {
        if (!peer.IsScheduled)
        {
            peer.IsScheduled = true;
            _scheduled.Enqueue(peer);
        }
    }

    /// <summary>Lets the queued agents send in turns, and sets their deadlines and the timer.</summary>
    private void Serve()
    {
        while (_scheduled.TryDequeue(out var peer))
        {
            peer.IsScheduled = false;
            if (peer.IsForgotten)
            {
                continue;
            }

            var now = Context.Now;
            if (peer.Host.Send(TurnsPerAgent, now))
            {
                Schedule(peer);
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

        if (_isFlushDue)
        {
            _isFlushDue = false;
            Output.Flush();
        }

        Arm();
    }

    /// <summary>
    /// Arms the timer for the earliest deadline, but never later than before: an early tick does no harm, and most deadlines are postponed.
    /// </summary>
    private void Arm()
    {
        var next = _deadlines.Next;
        if (!_isDisposed && next < _armedFor)
        {
            // Timers have a resolution of 1 ms. A wait that is rounded down would end before the deadline again and again.
            _armedFor = next;
            _timer.Change(
                TimeSpan.FromMilliseconds(Math.Ceiling(TcpContext.Until(next, Context.Now).TotalMilliseconds)), Timeout.InfiniteTimeSpan);
        }
    }

    private void RunCompletions()
    {
        while (true)
        {
            (TaskCompletionSource<DialFailure?> Waiter, DialFailure? Failure) result;
            lock (Context.Gate)
            {
                if (!_waitResults.TryDequeue(out result))
                {
                    break;
                }
            }

            result.Waiter.TrySetResult(result.Failure);
        }

        Context.RunCompletions();
    }
}
