using System.IO.Pipelines;
using Relay.Sockets;
using Relay.Streams.Wire;

namespace Relay.Streams.Resumption;

/// <summary>
/// The API server's end of a terminal, which outlives API servers: when the one behind goes away without having ended the terminal, the
/// same request goes to another one, and the relay on this side sees only a pause. Its frames must be a WebSocket's without extensions.
/// </summary>
/// <remarks>
/// Two loops around two pipes. The output's loop carries frames from the server there is; when that one is lost it tells the client,
/// attaches, and goes on. The input's loop follows the client's JSON, and hands it to the server that the other loop has given it last;
/// while there is none, what is typed is dropped. Held are at most what the two pipes hold until they stop their writers, 64 KiB each and
/// what one receive brings, and what the transports hold. Bytes go through the pipes on the thread that brings them: a change of threads
/// would cost more than all else that is done for a keystroke.
/// </remarks>
public sealed class ResumableServer : StreamTransport
{
    private readonly Func<CancellationToken, Task<AttachResult>> _attach;
    private readonly ResumeOptions _options;
    private readonly StreamMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly FlushScheduler _hereOnFlush = new();
    private readonly Pipe _toRelay;
    private readonly Pipe _fromRelay = new(Options(BlockMemoryPool.Shared, PipeScheduler.Inline));
    private readonly TerminalOutputFrames _output = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _leaves = new();
    private readonly TerminalInputLoop _input;
    private readonly Task _inputTask;
    private readonly Task _outputTask;
    private readonly Lock _gate = new();
    private readonly StreamTransport _first;
    private StreamTransport _server;
    private bool _isRelayed;
    private volatile bool _isStopped;
    private bool _isDisposed;

    /// <summary>Begins to carry.</summary>
    /// <param name="server">The API server that accepted the client's request; disposed by its owner, after this.</param>
    /// <param name="attach">Sends that request again, to whichever server there is. Must not throw but for a cancellation.</param>
    /// <param name="options">Times.</param>
    /// <param name="metrics">Counts the outages by how they ended.</param>
    /// <param name="time">The clock.</param>
    public ResumableServer(
        StreamTransport server, Func<CancellationToken, Task<AttachResult>> attach, ResumeOptions options, StreamMetrics metrics, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(server);
        ArgumentNullException.ThrowIfNull(attach);
        ArgumentNullException.ThrowIfNull(options);
        (_first, _server, _attach, _options, _metrics, _time) = (server, server, attach, options, metrics, time);
        _toRelay = new Pipe(Options(BlockMemoryPool.Batches, _hereOnFlush));
        _input = new TerminalInputLoop(_fromRelay.Reader, server, _leaves.Cancel);
        _inputTask = _input.RunAsync();
        _outputTask = RunOutputAsync();
    }

    /// <inheritdoc/>
    public override PipeReader Input => _toRelay.Reader;

    /// <inheritdoc/>
    public override PipeWriter Output => _fromRelay.Writer;

    /// <summary>From now on the servers' bytes go on where they arrive.</summary>
    public override void BeginRelay()
    {
        lock (_gate)
        {
            _isRelayed = true;
            if (!_isDisposed)
            {
                _server.BeginRelay();
            }
        }
    }

    /// <summary>The server behind is known not to be well, although its connection stands: it is left for another one.</summary>
    public void LeaveServer()
    {
        lock (_gate)
        {
            if (!_isDisposed)
            {
                AbortServer();
            }
        }
    }

    /// <summary>A server that vanished is left for another one; the terminal goes on.</summary>
    /// <param name="now">A time that only grows.</param>
    public override bool HasVanished(TimeSpan now)
    {
        lock (_gate)
        {
            if (!_isDisposed && _server.HasVanished(now))
            {
                AbortServer();
            }
        }

        return false;
    }

    /// <inheritdoc/>
    public override async ValueTask CompleteOutputAsync()
    {
        await _fromRelay.Writer.CompleteAsync().ConfigureAwait(false);
        await _inputTask.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override void Abort()
    {
        lock (_gate)
        {
            if (_isStopped || _isDisposed)
            {
                return;
            }

            _isStopped = true;
            AbortServer();
        }

        // Elsewhere: whoever aborts may hold locks, and what waits for this goes on at once.
        _ = _stop.CancelAsync();
        _input.Stop();
        _toRelay.Writer.CancelPendingFlush();
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        // After an orderly end both loops are over, and this resets nothing.
        if (!_outputTask.IsCompleted || !_inputTask.IsCompleted)
        {
            Abort();
        }

        await _fromRelay.Writer.CompleteAsync().ConfigureAwait(false);
        await _toRelay.Reader.CompleteAsync().ConfigureAwait(false);
        await _inputTask.ConfigureAwait(false);
        await _outputTask.ConfigureAwait(false);
        lock (_gate)
        {
            _isDisposed = true;
        }

        await LetGoAsync(_server).ConfigureAwait(false);
        _stop.Dispose();
        _leaves.Dispose();
    }

    private static PipeOptions Options(BlockMemoryPool pool, PipeScheduler reader) =>
        new(pool, reader, minimumSegmentSize: pool.MaxBufferSize, useSynchronizationContext: false);

    private void AbortServer()
    {
        _server.Abort();
        _server.Input.CancelPendingRead();
        _server.Output.CancelPendingFlush();
    }

    private async Task RunOutputAsync()
    {
        // Not on the thread of the constructor's caller.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        Exception? error = null;
        try
        {
            await CarryAsync().ConfigureAwait(false);
        }
        catch (Exception failure) when (TransportFailure.Is(failure))
        {
            error = failure;
        }
        catch (Exception failure)
        {
            // A fault of the program: the relay must not be left waiting while it travels up.
            error = new IOException("The terminal's stream failed.", failure);
            throw;
        }
        finally
        {
            await _toRelay.Writer.CompleteAsync(error).ConfigureAwait(false);
        }
    }

    private async Task CarryAsync()
    {
        var pause = _options.FirstPause;
        var outage = _time.GetTimestamp();
        while (true)
        {
            var attached = _time.GetTimestamp();
            var isLost = await CarryServerAsync().ConfigureAwait(false);

            // That may have ended on a socket thread, which has other streams to carry.
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            if (!isLost || _isStopped)
            {
                return;
            }

            // With it, whatever the input's loop waits for.
            LeaveServer();
            await _input.GiveAsync(null).ConfigureAwait(false);
            _output.EndServer(_toRelay.Writer);
            if (_time.GetElapsedTime(attached) >= _options.Settled || pause == _options.FirstPause)
            {
                (pause, outage) = (_options.FirstPause, _time.GetTimestamp());
            }

            if (_leaves.IsCancellationRequested)
            {
                await CloseAsync(null).ConfigureAwait(false);
                return;
            }

            if (!await SayAsync(ResumeMessages.Paused).ConfigureAwait(false))
            {
                return;
            }

            (var result, pause) = await AttachAnsweringAsync(pause, _options.Limit - _time.GetElapsedTime(outage)).ConfigureAwait(false);
            _metrics.Reattached(result switch
            {
                AttachResult.Attached => "resumed",
                AttachResult.Refused => "refused",
                _ => _leaves.IsCancellationRequested || _isStopped ? "left" : "timeout",
            });
            if (result is not AttachResult.Attached { Server: var server })
            {
                await CloseAsync(result).ConfigureAwait(false);
                return;
            }

            await TakeOverAsync(server).ConfigureAwait(false);

            // First: what is typed after it is read has to count.
            await _input.GiveAsync(server).ConfigureAwait(false);
            if (_input.Pings.TryRead(out var ping))
            {
                await AnswerAsync(ping).ConfigureAwait(false);
            }

            await SayAsync(ResumeMessages.Resumed).ConfigureAwait(false);
        }
    }

    /// <summary>True when the server was lost and the client was not.</summary>
    private async Task<bool> CarryServerAsync()
    {
        var isClosed = false;
        while (true)
        {
            OutputStatus status;
            bool isOver;
            try
            {
                var result = await _server.Input.ReadAsync().ConfigureAwait(false);
                var buffer = result.Buffer;
                status = isClosed ? OutputStatus.More : _output.Take(ref buffer, _toRelay.Writer);
                var used = isClosed ? buffer.End : buffer.Start;
                _server.Input.AdvanceTo(used, buffer.End);
                isOver = result.IsCompleted || result.IsCanceled;
            }
            catch (Exception error) when (TransportFailure.Is(error))
            {
                (status, isOver) = (OutputStatus.More, true);
            }

            if (status == OutputStatus.Invalid)
            {
                throw new IOException("The API server's bytes are no WebSocket frames.");
            }

            isClosed |= status == OutputStatus.Closed;
            isOver |= status == OutputStatus.GoingAway || _isStopped;
            var flushed = await _hereOnFlush.FlushAsync(_toRelay.Writer).ConfigureAwait(false);
            if (flushed.IsCompleted || _isStopped || (isOver && isClosed))
            {
                return false;
            }

            if (isOver)
            {
                return true;
            }
        }
    }

    /// <summary>Attaches, and meanwhile answers the client's pings, which nobody else would.</summary>
    private async Task<(AttachResult? Result, TimeSpan Pause)> AttachAnsweringAsync(TimeSpan pause, TimeSpan limit)
    {
        using var attached = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var answering = AnswerPingsAsync(attached.Token);
        try
        {
            return await AttachAsync(pause, limit).ConfigureAwait(false);
        }
        finally
        {
            await attached.CancelAsync().ConfigureAwait(false);
            await answering.ConfigureAwait(false);
        }
    }

    private async Task AnswerPingsAsync(CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                await AnswerAsync(await _input.Pings.ReadAsync(cancellation).ConfigureAwait(false)).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // There is a server again, or no client.
            return;
        }
    }

    private async ValueTask AnswerAsync(byte[] ping)
    {
        FrameHeader.Write(_toRelay.Writer, FrameHeader.Pong, final: true, ping.Length, null);
        await _toRelay.Writer.WriteAsync(ping).ConfigureAwait(false);
    }

    private async Task<(AttachResult? Result, TimeSpan Pause)> AttachAsync(TimeSpan pause, TimeSpan limit)
    {
        if (limit <= TimeSpan.Zero)
        {
            return (null, pause);
        }

        using var timeout = new CancellationTokenSource(limit, _time);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _stop.Token, _leaves.Token);
        try
        {
            while (true)
            {
                // Terminals of one server are lost together, and should not come back as one.
                var spread = 0.75 + (Random.Shared.NextDouble() / 2);
                await Task.Delay(pause * spread, _time, any.Token).ConfigureAwait(false);
                pause = pause * 2 < _options.LongestPause ? pause * 2 : _options.LongestPause;
                var result = await _attach(any.Token).ConfigureAwait(false);
                if (result is not AttachResult.Unavailable)
                {
                    return (result, pause);
                }
            }
        }
        catch (OperationCanceledException)
        {
            return (null, pause);
        }
    }

    private async Task TakeOverAsync(StreamTransport server)
    {
        StreamTransport old;
        lock (_gate)
        {
            (old, _server) = (_server, server);
            if (_isRelayed)
            {
                server.BeginRelay();
            }

            if (_isStopped)
            {
                AbortServer();
            }
        }

        await LetGoAsync(old).ConfigureAwait(false);
    }

    private ValueTask LetGoAsync(StreamTransport server) => server == _first ? ValueTask.CompletedTask : server.DisposeAsync();

    private async Task CloseAsync(AttachResult? result)
    {
        var size = ResumeMessages.WriteClose(_toRelay.Writer.GetSpan(CloseFrame.MaxSize), result, _leaves.IsCancellationRequested);
        _toRelay.Writer.Advance(size);
        await _toRelay.Writer.FlushAsync().ConfigureAwait(false);
    }

    /// <summary>Shows the client a text; false when there is no client any more.</summary>
    private async Task<bool> SayAsync(byte[] text)
    {
        FrameHeader.Write(_toRelay.Writer, FrameHeader.Binary, final: true, text.Length, null);
        var flushed = await _toRelay.Writer.WriteAsync(text).ConfigureAwait(false);
        return !flushed.IsCompleted && !_isStopped;
    }
}
