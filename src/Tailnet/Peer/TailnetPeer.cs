using System.Buffers.Binary;
using Tailnet.Disco;
using Tailnet.Ip;
using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;
using Tailnet.WireGuard;

namespace Tailnet.Peer;

/// <summary>
/// One agent of a stack: its WireGuard session, its connections, and the dials that wait for the session. The caller of each member holds
/// the stack's lock.
/// </summary>
internal sealed class TailnetPeer : IPacketOutput, IWireGuardOutput
{
    private const int MaxAddresses = 8;
    private const int MaxProbes = 3;
    private const long ProbeInterval = 5 * TcpTimes.Second;

    private readonly TailnetStack _stack;
    private readonly List<TaskCompletionSource<DialFailure?>> _waiters = [];
    private readonly RateLimit _discoLimit = new(10, 10);

    private WireGuardPeer? _session;
    private byte[]? _disco;
    private long? _idleSince;
    private long? _lostAt;

    // While the agent is lost: the time of the last packet or probe, and the probes without an answer since then.
    private long _heardAt;
    private int _probes;

    public TailnetPeer(TailnetStack stack, Guid agent)
    {
        (_stack, Agent) = (stack, agent);
        Host = new PeerHost(stack.Context, this, stack.Address, _ => stack.Wake(this));
    }

    public Guid Agent { get; }

    public PeerHost Host { get; }

    /// <summary>The public key of the agent's node; null when the node is not known.</summary>
    public NodeKey? Key { get; private set; }

    /// <summary>The DERP region through which the agent is reached; 0 when the node is not known.</summary>
    public int Home { get; private set; }

    /// <summary>When the last handshake succeeded; null for never.</summary>
    public DateTimeOffset? LastHandshake { get; private set; }

    /// <summary>The address that dials connect to.</summary>
    public Ipv6Address Remote { get; private set; }

    /// <summary>The number of dials in progress.</summary>
    public int Dials { get; set; }

    /// <summary>Whether the agent is in the stack's queue of agents that may have something to send.</summary>
    public bool IsScheduled { get; set; }

    public bool IsForgotten { get; private set; }

    /// <summary>The deadline by which <see cref="DeadlineHeap"/> orders, in microseconds of the TCP clock.</summary>
    public long Deadline { get; set; }

    /// <summary>The index in the <see cref="DeadlineHeap"/>; -1 when the agent is not in it.</summary>
    public int HeapIndex { get; set; } = -1;

    public bool IsUp => _session is { IsUp: true };

    /// <summary>Whether a handshake is in progress.</summary>
    public bool IsShaking => _session is { IsShaking: true };

    private bool IsInUse => Dials > 0 || Host.Connections > 0;

    public bool IsQuiet(long now) => _idleSince is { } since && now - since >= _stack.QuietAfter;

    /// <summary>Since when there has been neither a dial nor a connection; <see cref="TcpTimes.Never"/> while there is one.</summary>
    public long IdleSince => _idleSince ?? TcpTimes.Never;

    public TailnetPeerState State(long now) => _session is null ? TailnetPeerState.NoNode
        : IsQuiet(now) ? TailnetPeerState.Quiet
        : IsUp ? TailnetPeerState.Up : TailnetPeerState.Connecting;

    /// <summary>Stores the agent's node. Returns false and changes nothing when its key gives no shared secret.</summary>
    public bool TrySetNode(NodeKey key, ReadOnlySpan<byte> disco, ReadOnlySpan<Ipv6Address> addresses, int home)
    {
        if (Key != key)
        {
            Span<byte> bytes = stackalloc byte[NodeKey.Size];
            key.Write(bytes);
            if (!_stack.Node.TryAddPeer(bytes, this, out var session))
            {
                return false;
            }

            DropNode(TcpCloseReason.AgentRestarted);
            (_session, Key) = (session, key);
        }

        _disco = disco.Length == DiscoMessages.KeyLength ? disco.ToArray() : null;
        addresses = addresses[..Math.Min(addresses.Length, MaxAddresses)];
        Host.SetPeerAddresses(addresses);
        var own = AddressOf(Agent);
        Remote = addresses.Contains(own) ? own : addresses[0];
        (Home, _lostAt) = (home, null);
        return true;
    }

    /// <summary>Drops the node and its session, and ends all connections.</summary>
    public void DropNode(TcpCloseReason reason)
    {
        Host.Abort(reason, tellPeer: false);
        _session?.Dispose();
        if (Key is { } key)
        {
            _stack.RemoveKey(key);
        }

        (_session, Key, Home, LastHandshake, _lostAt) = (null, null, 0, null, null);
    }

    /// <summary>Notes when the coordinator lost the agent. A new node cancels this.</summary>
    public void Lose(long now)
    {
        if (_lostAt is null)
        {
            (_lostAt, _heardAt, _probes) = (now, now, 0);
        }
    }

    public void PeerIsReady() => _session?.PeerIsReady();

    public void Receive(Span<byte> message, long now)
    {
        var reason = _session!.Receive(message, out var packet);
        if (reason is not DropReason.None)
        {
            _stack.Counters.Messages[(int)reason]++;
        }
        else
        {
            (_heardAt, _probes) = (now, 0);
            if (!packet.IsEmpty && Host.Receive(packet, now) is var verdict and not PacketVerdict.Taken)
            {
                _stack.Counters.Packets[(int)verdict]++;
            }
        }
    }

    /// <summary>Answers a disco ping, ten times a second at most.</summary>
    public void ReceiveDisco(int region, ReadOnlySpan<byte> frame, long now)
    {
        Span<byte> key = stackalloc byte[NodeKey.Size];
        Key!.Value.Write(key);
        if (_disco is not null && _discoLimit.TryTake(now) && _stack.Disco.Answer(frame, key, _disco, region) is { } pong)
        {
            _stack.Transmit(Key.Value, region, pong);
        }
        else
        {
            _stack.Counters.Disco++;
        }
    }

    /// <summary>Sends a TSMP ping; false when the agent has no node, or too many pings are unanswered.</summary>
    /// <param name="now">The stack's clock in microseconds.</param>
    /// <param name="answered">Called at the pong, under the lock, with the round-trip time in microseconds.</param>
    public bool TryPing(long now, Action<long> answered) => _session is not null && Host.TryPing(Remote, now, out _, answered);

    public void Tick(long now)
    {
        _session?.Tick();
        Host.Tick(now);
    }

    /// <summary>Adds a dial that waits for a session.</summary>
    public void Await(TaskCompletionSource<DialFailure?> waiter) => _waiters.Add(waiter);

    public void StopAwaiting(TaskCompletionSource<DialFailure?> waiter) => _waiters.Remove(waiter);

    /// <summary>Updates the state after calls, and computes the next deadline. Returns true when the stack must forget the agent.</summary>
    public bool Settle(long now, out long deadline)
    {
        _idleSince = IsInUse ? null : _idleSince ?? now;
        if (_session is { } session)
        {
            session.KeepsAlive = !IsQuiet(now);
            if (_waiters.Count > 0)
            {
                session.Connect();
            }
        }

        deadline = Host.NextDeadline;
        if (_session is not null)
        {
            deadline = Math.Min(deadline, _stack.FromTimestamp(_session.NextDeadline, now));
        }

        if (_lostAt is { } lost)
        {
            if (Host.Connections > 0)
            {
                if (!Probe(now))
                {
                    DropNode(TcpCloseReason.AgentLost);
                    return Settle(now, out deadline);
                }

                deadline = Math.Min(deadline, _heardAt + ProbeInterval);
            }

            var last = _session?.LastHandshake is { } handshake ? _stack.FromTimestamp(handshake, now) : lost;
            if (now >= last + _stack.LostAfter)
            {
                DropNode(TcpCloseReason.AgentLost);
                return Settle(now, out deadline);
            }

            deadline = Math.Min(deadline, last + _stack.LostAfter);
        }

        if (_idleSince is { } since)
        {
            var quiet = since + _stack.QuietAfter;
            var end = quiet + _stack.ForgetAfter;
            deadline = Math.Min(deadline, now < quiet ? quiet : end);
            return now >= end;
        }

        return false;
    }

    /// <summary>Ends the connections, the session and the waiting dials.</summary>
    /// <param name="reason">The reason that the connections report.</param>
    /// <param name="tellPeer">Whether each connection sends RST.</param>
    public void Forget(TcpCloseReason reason, bool tellPeer)
    {
        Host.Abort(reason, tellPeer);
        if (tellPeer)
        {
            Host.Send(Host.Connections + 1024, _stack.Context.Now);
        }

        DropNode(reason);
        foreach (var waiter in _waiters)
        {
            _stack.CompleteWait(waiter, DialFailure.Stopping);
        }

        _waiters.Clear();
        IsForgotten = true;
    }

    Span<byte> IPacketOutput.Begin() =>
        _session is null ? default : _stack.Buffer.AsSpan(WireGuardPeer.HeaderLength, WireGuardPeer.Mtu);

    void IPacketOutput.Commit(int length)
    {
        if (length > 0 && _session!.Send(_stack.Buffer, length) is var message and > 0)
        {
            Transmit(_stack.Buffer.AsSpan(0, message));
        }
    }

    void IWireGuardOutput.Send(WireGuardPeer peer, ReadOnlySpan<byte> message) => Transmit(message);

    void IWireGuardOutput.Established(WireGuardPeer peer, HandshakeRole role)
    {
        LastHandshake = _stack.UtcNow;
        if (role == HandshakeRole.Initiator)
        {
            _stack.Counters.Initiated++;
        }
        else
        {
            _stack.Counters.Answered++;
        }

        Host.PathUp(_stack.Context.Now);
        foreach (var waiter in _waiters)
        {
            _stack.CompleteWait(waiter, null);
        }

        _waiters.Clear();
    }

    /// <summary>Does nothing: connections and waiting dials have time-outs of their own.</summary>
    void IWireGuardOutput.GaveUp(WireGuardPeer peer)
    {
    }

    /// <summary>The address of agents since 2023: a prefix of six bytes, and the last ten bytes of the agent's id.</summary>
    internal static Ipv6Address AddressOf(Guid agent)
    {
        Span<byte> bytes = stackalloc byte[Ipv6Address.Size];
        agent.TryWriteBytes(bytes, bigEndian: true, out _);
        BinaryPrimitives.WriteUInt32BigEndian(bytes, 0xfd7a115c);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[4..], 0xa1e0);
        return Ipv6Address.Read(bytes);
    }

    /// <summary>Pings a lost agent that is silent. Returns false after three pings without an answer.</summary>
    private bool Probe(long now)
    {
        if (now - _heardAt >= ProbeInterval)
        {
            if (_probes == MaxProbes)
            {
                return false;
            }

            _probes++;
            _heardAt = now;
            Host.TryPing(Remote, now, out _);
        }

        return true;
    }

    private void Transmit(ReadOnlySpan<byte> message) => _stack.Transmit(Key!.Value, Home, message);
}
