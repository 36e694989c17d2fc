using System.Net;
using Relay.Derp.Queues;
using Relay.Derp.Wire;

namespace Relay.Derp.Connections;

/// <summary>A client's connection: the client's identity, and the control frames that the server has to send.</summary>
internal sealed class DerpConnection(
    long id, in NodeKey key, ClientInfo info, bool isMeshPeer, DerpTransport transport, SendQueue queue, DerpTotals totals)
    : DerpOutbox(transport.Output, queue, totals)
{
    // The most PeerGone frames that wait for a client that does not read. Further ones are dropped: PeerGone is only a hint.
    private const int MaxGone = 1024;

    private readonly IPEndPoint? _remote = transport.RemoteEndPoint;
    private Queue<(NodeKey Key, PeerGoneReason Reason)>? _gone;
    private PresenceFeed? _presence;
    private byte[]? _notice;
    private ulong _pong;
    private bool _isPongDue;
    private bool _isPingDue;
    private bool _isKeepAliveDue;
    private volatile int _closing = -1;
    private TaskCompletionSource? _delayed;

    public long Id { get; } = id;

    public NodeKey Key { get; } = key;

    /// <summary>The key's hash, which identifies the sender in receivers' queues.</summary>
    public ulong Sender { get; } = key.Hash;

    public bool IsMeshPeer { get; } = isMeshPeer;

    public bool CanAckPings { get; } = info.CanAckPings;

    public IPEndPoint? RemoteEndPoint => _remote;

    public bool IsInProcess { get; } = transport.IsInProcess;

    public PeerFlags Flags { get; } = FlagsOf(info, isMeshPeer, transport);

    public ConnectionActivity Activity { get; } = new();

    /// <summary>The key's entry in the registry; null before the connection is registered.</summary>
    public PeerEntry? Entry { get; set; }

    /// <summary>Why the connection is closing; null while it stays open.</summary>
    public DerpCloseReason? Closing => _closing < 0 ? null : (DerpCloseReason)_closing;

    protected override bool HasControl =>
        _isPongDue || _isPingDue || _isKeepAliveDue || _notice is not null || _gone is { Count: > 0 } || _presence is { HasChanges: true };

    /// <summary>Makes the connection's reader end the connection. The first reason counts.</summary>
    /// <returns>Whether this was the first reason.</returns>
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

    /// <summary>Delays the reader. <see cref="BeginClose"/> ends the delay.</summary>
    /// <param name="time">The delay.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="cancellationToken">Ends the delay with an <see cref="OperationCanceledException"/>.</param>
    public async Task DelayAsync(TimeSpan time, TimeProvider clock, CancellationToken cancellationToken)
    {
        if (_delayed is null)
        {
            Interlocked.Exchange(ref _delayed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        // The order matters: this reads the close reason after it sets the source, and BeginClose writes the reason before it reads the
        // source.
        if (Closing is null)
        {
            await _delayed.Task.WaitAsync(time, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Queues the answer to a ping. While one answer waits, further pings are ignored (derp.md §3.8).</summary>
    public void QueuePong(ulong data)
    {
        using (EnterScope())
        {
            (_pong, _isPongDue) = _isPongDue ? (_pong, true) : (data, true);
        }
    }

    public void SendKeepAlive(bool ping)
    {
        using (EnterScope())
        {
            _isKeepAliveDue |= !ping;
            _isPingDue |= ping;
        }

        Drain();
    }

    /// <summary>Sends a Health or Restarting frame, which replaces a waiting one.</summary>
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

    /// <summary>Prepares the presence feed; called before the registry reports the first change.</summary>
    public void PrepareWatch(DerpRegistry registry)
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

        if (_isPongDue)
        {
            written += DerpFrames.Ping(destination[written..], DerpFrameType.Pong, _pong);
            _isPongDue = false;
            Totals.Count(DerpCount.SentPong);
        }

        if (_isKeepAliveDue)
        {
            written += DerpFrames.Empty(destination[written..], DerpFrameType.KeepAlive);
            _isKeepAliveDue = false;
        }

        if (_isPingDue)
        {
            written += DerpFrames.Ping(destination[written..], DerpFrameType.Ping, (ulong)Id);
            _isPingDue = false;
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
        var flags = (isMeshPeer ? PeerFlags.MeshPeer : 0)
            | (info.IsProber ? PeerFlags.Prober : 0)
            | (transport.IsNotIdeal ? PeerFlags.NotIdeal : 0);
        return flags == PeerFlags.None ? PeerFlags.Regular : flags;
    }
}
