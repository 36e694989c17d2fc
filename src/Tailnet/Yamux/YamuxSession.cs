using System.IO.Pipelines;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sockets;
using Tailnet.Wire;

namespace Tailnet.Yamux;

/// <summary>
/// Many streams over one byte stream (yamux specification, version 0; tailnet.md §3.3), in either role. The data flow:
/// (1) The read loop reads frames from the transport, puts answers to pings into a bounded queue, and moves bodies into the pipes of
/// their streams. It never waits for the application. (2) A stream with flags, a window update or data to send is queued once. (3) The
/// write loop sends the queued answers first, and then one frame per queued stream in turn. No other code writes to the transport.
/// </summary>
public sealed partial class YamuxSession : IDisposable
{
    private readonly IDuplexPipe _transport;
    private readonly YamuxOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly bool _isDialer;

    // Guards the following fields. Lock order: a stream's lock first, then this one.
    private readonly Lock _lock = new();
    private readonly Dictionary<uint, YamuxStream> _streams = [];
    private readonly Queue<YamuxStream> _ready = new();
    private readonly Queue<YamuxHeader> _control = new();
    private YamuxCloseReason _reason;
    private uint _nextId;
    private bool _goAwayReceived;
    private bool _goAwaySent;

    private readonly Channel<YamuxStream> _backlog;
    private readonly SemaphoreSlim _openSlots;
    private readonly AsyncSignal _work;
    private long _unread;

    /// <summary>Creates a session over <paramref name="transport"/>, which <see cref="RunAsync"/> starts.</summary>
    /// <param name="transport">The byte stream. The session completes both directions at its end.</param>
    /// <param name="role">Dialer or acceptor.</param>
    /// <param name="options">The limits and times; null for the defaults.</param>
    /// <param name="clock">The clock; null for the system's.</param>
    /// <param name="logger">Gets unexpected exceptions; null for none.</param>
    public YamuxSession(
        IDuplexPipe transport, YamuxRole role, YamuxOptions? options = null, TimeProvider? clock = null, ILogger? logger = null)
    {
        _logger = logger ?? NullLogger.Instance;
        _transport = transport;
        _options = options ?? new YamuxOptions();
        _clock = clock ?? TimeProvider.System;
        _work = new AsyncSignal(_options.RunsInline);
        _isDialer = role == YamuxRole.Dialer;
        _nextId = _isDialer ? 1u : 2u;
        _openSlots = new SemaphoreSlim(_options.MaxPendingOpens);
        _backlog = Channel.CreateBounded<YamuxStream>(new BoundedChannelOptions(_options.Backlog) { SingleWriter = true });
        _lastPing = _clock.GetTimestamp();
    }

    /// <summary>Why the session ended; <see cref="YamuxCloseReason.None"/> before its end.</summary>
    public YamuxCloseReason CloseReason
    {
        get
        {
            lock (_lock)
            {
                return _reason;
            }
        }
    }

    /// <summary>The number of open streams of both sides.</summary>
    public int StreamCount
    {
        get
        {
            lock (_lock)
            {
                return _streams.Count;
            }
        }
    }

    /// <summary>The received bytes of all streams that the application has not read yet.</summary>
    public long UnreadBytes => Volatile.Read(ref _unread);

    /// <summary>
    /// Runs the session to its end and returns the reason. Does not throw. Call this once.
    /// </summary>
    /// <param name="cancellationToken">Ends the session as <see cref="Close"/> does.</param>
    public async Task<YamuxCloseReason> RunAsync(CancellationToken cancellationToken = default)
    {
        await using var registration = cancellationToken.UnsafeRegister(static session => ((YamuxSession)session!).Close(), this)
            .ConfigureAwait(false);
        var heartbeat = HeartbeatOf(_clock);
        heartbeat.Add(this);
        var writing = WriteLoopAsync();
        End(await ReadLoopAsync().ConfigureAwait(false));
        await writing.ConfigureAwait(false);
        heartbeat.Remove(this);
        var reason = CloseReason;
        EndAll(reason);
        try
        {
            await _transport.Input.CompleteAsync().ConfigureAwait(false);
            await _transport.Output.CompleteAsync().ConfigureAwait(false);
            return reason;
        }
        catch (Exception)
        {
            // A writer may send its remaining bytes when it is completed, and fail on a closed transport. The session is over either way.
            return reason;
        }
    }

    /// <summary>
    /// Ends the session: the written bytes of streams are sent as far as their windows allow, and then the byte stream is closed, without a
    /// go-away.
    /// </summary>
    public void Close() => End(YamuxCloseReason.LocalClose);

    /// <summary>The same as <see cref="Close"/>; <see cref="RunAsync"/> releases the resources.</summary>
    public void Dispose() => Close();

    /// <summary>Tells the peer to open no more streams. Open streams continue.</summary>
    public void GoAway()
    {
        lock (_lock)
        {
            if (_goAwaySent)
            {
                return;
            }

            _goAwaySent = true;
            _control.Enqueue(new YamuxHeader(YamuxType.GoAway, YamuxFlags.None, 0, 0));
        }

        _work.Set();
    }

    /// <summary>
    /// Opens a stream. Waits while <see cref="YamuxOptions.MaxPendingOpens"/> streams are not accepted. The stream may be written to before
    /// the peer accepts it.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="YamuxException">The session has ended, or the peer accepts no more streams.</exception>
    public async ValueTask<YamuxStream> OpenStreamAsync(CancellationToken cancellationToken = default)
    {
        await _openSlots.WaitAsync(cancellationToken).ConfigureAwait(false);
        YamuxStream stream;
        lock (_lock)
        {
            if (_reason != YamuxCloseReason.None || _goAwayReceived || _nextId > uint.MaxValue - 2)
            {
                _openSlots.Release();
                throw new YamuxException(_reason == YamuxCloseReason.None ? YamuxCloseReason.PeerClose : _reason);
            }

            stream = new YamuxStream(this, _nextId, _options, opened: true, _clock.GetTimestamp()) { IsQueued = true };
            _nextId += 2;
            _streams.Add(stream.Id, stream);
            _ready.Enqueue(stream);
        }

        _work.Set();
        return stream;
    }

    /// <summary>Returns the next stream that the peer has opened; null when the session has ended.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<YamuxStream?> AcceptStreamAsync(CancellationToken cancellationToken = default)
    {
        while (await _backlog.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            while (_backlog.Reader.TryRead(out var stream))
            {
                if (!stream.IsDead)
                {
                    stream.Accept();
                    return stream;
                }
            }
        }

        return null;
    }

    internal bool TryAddUnread(long bytes) => Interlocked.Add(ref _unread, bytes) <= _options.MaxUnreadBytes;

    internal void ReleaseUnread(long bytes) => Interlocked.Add(ref _unread, -bytes);

    /// <summary>Logs an unexpected exception and ends the session.</summary>
    internal void Fail(Exception fault)
    {
        SessionFailed(_logger, fault);
        End(YamuxCloseReason.InternalError);
    }

    /// <summary>Adds a stream to the write loop's queue, unless it is there already.</summary>
    internal void MarkReady(YamuxStream stream)
    {
        lock (_lock)
        {
            if (stream.IsQueued)
            {
                return;
            }

            stream.IsQueued = true;
            _ready.Enqueue(stream);
        }

        _work.Set();
    }

    internal void Remove(YamuxStream stream)
    {
        stream.ReleaseAllUnread();
        lock (_lock)
        {
            if (!_streams.Remove(stream.Id))
            {
                return;
            }
        }

        if (stream.TryAcknowledge())
        {
            _openSlots.Release();
        }
    }

    private void End(YamuxCloseReason reason)
    {
        lock (_lock)
        {
            if (_reason != YamuxCloseReason.None)
            {
                return;
            }

            _reason = reason;
        }

        try
        {
            _transport.Input.CancelPendingRead();
            if (reason != YamuxCloseReason.LocalClose && GoAwayCode(reason) is null)
            {
                // No go-away follows, so the write loop need not wait for a blocked flush.
                _transport.Output.CancelPendingFlush();
            }
        }
        finally
        {
            // The write loop ends the session even if the transport throws.
            _work.Set();
        }
    }

    /// <summary>Ends all streams and waits of the session.</summary>
    private void EndAll(YamuxCloseReason reason)
    {
        YamuxStream[] streams;
        TaskCompletionSource<TimeSpan>[] pings;
        lock (_lock)
        {
            streams = [.. _streams.Values];
            pings = [.. _pings.Values.Select(static ping => ping.Answer)];
            _pings.Clear();
        }

        _backlog.Writer.TryComplete();
        foreach (var stream in streams)
        {
            stream.Abort(reason, tellPeer: false);
        }

        foreach (var ping in pings)
        {
            ping.TrySetException(new YamuxException(reason));
        }

        // Wakes one waiting open; each woken one finds the session over and releases the slot for the next.
        _openSlots.Release();
    }

    [LoggerMessage(EventId = 3004, Level = LogLevel.Error, Message = "Unhandled exception in a yamux session; the session is closed")]
    private static partial void SessionFailed(ILogger logger, Exception exception);
}
