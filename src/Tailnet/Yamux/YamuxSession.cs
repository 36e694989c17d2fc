using System.IO.Pipelines;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sockets;
using Tailnet.Wire;

namespace Tailnet.Yamux;

/// <summary>
/// Many streams over one byte stream (yamux, specification version 0), in either role. The bytes flow so:
/// (1) the read loop takes frames from the transport, answers pings into a bounded queue, and moves bodies into their stream's pipe,
/// never waiting for the application; (2) streams that owe something (flags, room, data) queue up once each; (3) the write loop
/// sends the queued answers first, then one frame per queued stream in turn. Nothing else writes to the transport.
/// </summary>
public sealed partial class YamuxSession : IDisposable
{
    private readonly IDuplexPipe _transport;
    private readonly YamuxOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly bool _isDialer;

    // Guards the fields below it. A stream's own lock may be held when it is taken, never the other way round.
    private readonly Lock _lock = new();
    private readonly Dictionary<uint, YamuxStream> _streams = [];
    private readonly Queue<YamuxStream> _ready = new();
    private readonly Queue<YamuxHeader> _control = new();
    private YamuxCloseReason _reason;
    private uint _nextId;
    private bool _peerIsGoing;
    private bool _weAreGoing;

    private readonly Channel<YamuxStream> _backlog;
    private readonly SemaphoreSlim _openSlots;
    private readonly AsyncSignal _work;
    private long _unread;

    /// <summary>A session over <paramref name="transport"/>; nothing happens before <see cref="RunAsync"/>.</summary>
    /// <param name="transport">The byte stream. The session completes both ends when it ends.</param>
    /// <param name="role">Dialer or acceptor.</param>
    /// <param name="options">Limits and times; null for the defaults.</param>
    /// <param name="clock">Null for the system's.</param>
    /// <param name="logger">Hears of faults of this program; null for nobody.</param>
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

    /// <summary>Why the session ended; <see cref="YamuxCloseReason.None"/> while it lives.</summary>
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

    /// <summary>Streams alive now, whoever opened them.</summary>
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

    /// <summary>Bytes received and not yet read by the application, of all streams.</summary>
    public long UnreadBytes => Volatile.Read(ref _unread);

    /// <summary>
    /// Serves the session until it ends, and says why; does not throw. Call it once. Cancelling is <see cref="Close"/>.
    /// </summary>
    /// <param name="cancellationToken">Ends the session after sending what is already written and may be sent.</param>
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
        Abandon(reason);
        try
        {
            await _transport.Input.CompleteAsync().ConfigureAwait(false);
            await _transport.Output.CompleteAsync().ConfigureAwait(false);
            return reason;
        }
        catch (Exception)
        {
            // A writer sends what is left when it is completed, and the transport may be gone: the session is over either way.
            return reason;
        }
    }

    /// <summary>Ends the session: what streams wrote and may send is sent, then the byte stream is closed, without a go-away.</summary>
    public void Close() => End(YamuxCloseReason.LocalClose);

    /// <summary>The same as <see cref="Close"/>; <see cref="RunAsync"/> does the rest.</summary>
    public void Dispose() => Close();

    /// <summary>Tells the peer to open no more streams; those that are open go on.</summary>
    public void GoAway()
    {
        lock (_lock)
        {
            if (_weAreGoing)
            {
                return;
            }

            _weAreGoing = true;
            _control.Enqueue(new YamuxHeader(YamuxType.GoAway, YamuxFlags.None, 0, 0));
        }

        _work.Set();
    }

    /// <summary>Opens a stream; waits while too many opens are unaccepted. It may be written to before the peer accepts.</summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="YamuxException">The session has ended, or the peer accepts no more streams.</exception>
    public async ValueTask<YamuxStream> OpenStreamAsync(CancellationToken cancellationToken = default)
    {
        await _openSlots.WaitAsync(cancellationToken).ConfigureAwait(false);
        YamuxStream stream;
        lock (_lock)
        {
            if (_reason != YamuxCloseReason.None || _peerIsGoing || _nextId > uint.MaxValue - 2)
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

    /// <summary>The next stream that the peer opened; null when the session has ended.</summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
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

    /// <summary>Logs a fault of this program, and ends the session for it.</summary>
    internal void Fail(Exception fault)
    {
        SessionFailed(_logger, fault);
        End(YamuxCloseReason.InternalError);
    }

    /// <summary>Puts a stream in the write loop's queue, once.</summary>
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

        _transport.Input.CancelPendingRead();
        if (reason != YamuxCloseReason.LocalClose && GoodbyeCode(reason) is null)
        {
            // There is nothing left to say, so a write that is stuck need not be waited for.
            _transport.Output.CancelPendingFlush();
        }

        _work.Set();
    }

    /// <summary>Lets everyone who waits for the session know that it is over.</summary>
    private void Abandon(YamuxCloseReason reason)
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
            stream.Kill(reason, tellPeer: false);
        }

        foreach (var ping in pings)
        {
            ping.TrySetException(new YamuxException(reason));
        }

        // One waiter lets the next one in: each gives its slot back when it finds the session over.
        _openSlots.Release();
    }

    [LoggerMessage(EventId = 3004, Level = LogLevel.Error, Message = "Unhandled exception in a yamux session; the session is closed")]
    private static partial void SessionFailed(ILogger logger, Exception exception);
}
