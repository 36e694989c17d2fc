using System.Net;
using Relay.Derp.Queues;
using Relay.Derp.Wire;

namespace Relay.Derp.Connections;

/// <summary>A client's connection: who it is, and what the server has to tell it.</summary>
internal sealed class DerpConnection(
    long id, in NodeKey key, ClientInfo info, bool isMeshPeer, DerpTransport transport, SendQueue queue, DerpTotals totals)
    : DerpOutbox(transport.Output, queue, totals)
{
    // Peers that left while the client did not read. What is above this is forgotten: PeerGone is a hint.
    private const int MaxGone = 1024;

    private readonly IPEndPoint? _remote = transport.RemoteEndPoint;
    private Queue<(NodeKey Key, PeerGoneReason Reason)>? _gone;
    private PresenceFeed? _presence;
    private byte[]? _notice;
    private ulong _pong;
    private bool _owesPong;
    private bool _owesPing;
    private bool _owesKeepAlive;
    private volatile int _closing = -1;
    private TaskCompletionSource? _delayed;

    public long Id { get; } = id;

    public NodeKey Key { get; } = key;

    /// <summary>The key's hash, which is the sender's name in receivers' queues.</summary>
    public ulong Sender { get; } = key.Hash;

    public bool IsMeshPeer { get; } = isMeshPeer;

    public bool CanAckPings { get; } = info.CanAckPings;

    public IPEndPoint? RemoteEndPoint => _remote;

    public PeerFlags Flags { get; } = FlagsOf(info, isMeshPeer, transport);

    public ConnectionActivity Activity { get; } = new();

    /// <summary>The key's place in the registry, while the connection is in it.</summary>
    public PeerEntry? Entry { get; set; }

    /// <summary>Why the connection is to end, once somebody has decided so.</summary>
    public DerpCloseReason? Closing => _closing < 0 ? null : (DerpCloseReason)_closing;

    protected override bool HasControl =>
        _owesPong || _owesPing || _owesKeepAlive || _notice is not null || _gone is { Count: > 0 } || _presence is { HasChanges: true };

    /// <summary>Has the connection end; its reader does that. The first reason counts.</summary>
    /// <returns>Whether this was the first.</returns>
    public bool BeginClose(DerpCloseReason reason)
    {
        if (Interlocked.CompareExchange(ref _closing, (int)reason, -1) >= 0)
        {
            return false;
        }

        if (reason is DerpCloseReason.Revoked or DerpCloseReason.ClosedByPeer)
        {
            Mute();
        }

        transport.Input.CancelPendingRead();
        Volatile.Read(ref _delayed)?.TrySetResult();
        return true;
    }

    /// <summary>Lets the reader wait, for as long as nobody has decided that the connection is to end.</summary>
    /// <param name="time">The longest wait.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="cancellationToken">Ends the wait with an <see cref="OperationCanceledException"/>.</param>
    public async Task DelayAsync(TimeSpan time, TimeProvider clock, CancellationToken cancellationToken)
    {
        if (_delayed is null)
        {
            Interlocked.Exchange(ref _delayed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        // Looked at behind the source that ends the wait, and written before it.
        if (Closing is null)
        {
            await _delayed.Task.WaitAsync(time, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Remembers the answer to a ping; while one waits, further pings are ignored (derp.md §3.8).</summary>
    public void OwePong(ulong data)
    {
        using (EnterScope())
        {
            (_pong, _owesPong) = _owesPong ? (_pong, true) : (data, true);
        }
    }

    public void SendKeepAlive(bool ping)
    {
        using (EnterScope())
        {
            _owesKeepAlive |= !ping;
            _owesPing |= ping;
        }

        Drain();
    }

    /// <summary>Sends a Health or Restarting frame; a newer one replaces one that waits.</summary>
    public void SendNotice(byte[] frame)
    {
        using (EnterScope())
        {
            _notice = frame;
        }

        Drain();
    }

    public void SendPeerGone(in NodeKey peer, PeerGoneReason reason)
    {
        using (EnterScope())
        {
            _gone ??= new Queue<(NodeKey, PeerGoneReason)>();
            if (_gone.Count < MaxGone)
            {
                _gone.Enqueue((peer, reason));
            }
        }

        Drain();
    }

    public void BeginWatch(IEnumerable<NodeKey> present)
    {
        using (EnterScope())
        {
            foreach (var peer in present)
            {
                _presence!.Mark(peer);
            }
        }

        Drain();
    }

    /// <summary>Prepares the watch, before the first change can come.</summary>
    public void AllowWatch(DerpRegistry registry)
    {
        using (EnterScope())
        {
            _presence ??= new PresenceFeed(registry);
        }
    }

    public void Changed(in NodeKey peer)
    {
        using (EnterScope())
        {
            _presence?.Mark(peer);
        }

        Drain();
    }

    protected override int ComposeControl(Span<byte> destination)
    {
        var written = 0;
        if (_notice is not null)
        {
            _notice.CopyTo(destination);
            written = _notice.Length;
            _notice = null;
        }

        if (_owesPong)
        {
            written += DerpFrames.Ping(destination[written..], DerpFrameType.Pong, _pong);
            _owesPong = false;
            Totals.Count(DerpCount.SentPong);
        }

        if (_owesKeepAlive)
        {
            written += DerpFrames.Empty(destination[written..], DerpFrameType.KeepAlive);
            _owesKeepAlive = false;
        }

        if (_owesPing)
        {
            written += DerpFrames.Ping(destination[written..], DerpFrameType.Ping, (ulong)Id);
            _owesPing = false;
        }

        while (_gone is not null && destination.Length - written >= DerpFrames.MaxControl && _gone.TryDequeue(out var gone))
        {
            written += DerpFrames.PeerGone(destination[written..], gone.Key, gone.Reason);
            Totals.Count(gone.Reason == PeerGoneReason.NotHere ? DerpCount.PeerGoneNotHere : DerpCount.PeerGoneDisconnected);
        }

        return written + (_presence?.Compose(destination[written..]) ?? 0);
    }

    private static PeerFlags FlagsOf(ClientInfo info, bool isMeshPeer, DerpTransport transport)
    {
        var flags = (isMeshPeer ? PeerFlags.MeshPeer : 0) | (info.IsProber ? PeerFlags.Prober : 0) | (transport.IsNotIdeal ? PeerFlags.NotIdeal : 0);
        return flags == PeerFlags.None ? PeerFlags.Regular : flags;
    }
}
