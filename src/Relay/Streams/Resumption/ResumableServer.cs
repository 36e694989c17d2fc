using System.IO.Pipelines;

namespace Relay.Streams.Resumption;

/// <summary>
/// The API server's end of a terminal that outlives API servers. When a server goes away without ending the terminal, the same request is
/// sent to another server, and the relay sees only a pause. The frames must be those of a WebSocket without extensions.
/// </summary>
/// <remarks>
/// There are no loops and no buffers here: the relay's two loops read and write the current server. <see cref="TerminalOutputReader"/>
/// returns the server's bytes without a copy, up to the end of a frame. <see cref="TerminalInputWriter"/> follows the client's JSON in the
/// bytes that it forwards. Only an outage has a task of its own, <see cref="TerminalOutage"/>: the reader returns the outage's messages
/// until there is a server again. Input during an outage is dropped.
/// </remarks>
public sealed class ResumableServer : StreamTransport
{
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _clientEnded = new();
    private readonly CurrentBackend _backend;
    private readonly TerminalInputWriter _input;
    private readonly TerminalOutage _outage;
    private readonly TerminalOutputReader _output;

    /// <summary>Begins with the server that accepted the request. Nothing runs before the first read or write.</summary>
    /// <param name="server">The API server that accepted the client's request; its owner disposes it, after this.</param>
    /// <param name="attach">Sends the request again, to any available server. Throws only for a cancellation.</param>
    /// <param name="options">The times.</param>
    /// <param name="metrics">Counts the outages by result.</param>
    /// <param name="time">The clock.</param>
    public ResumableServer(
        StreamTransport server,
        Func<CancellationToken, Task<AttachResult>> attach,
        ResumeOptions options,
        StreamMetrics metrics,
        TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(server);
        ArgumentNullException.ThrowIfNull(attach);
        ArgumentNullException.ThrowIfNull(options);
        _backend = new CurrentBackend(server);
        _input = new TerminalInputWriter(server, _clientEnded);
        _outage = new TerminalOutage(_backend, _input, new AttachRetries(attach, options, time), metrics, _stop.Token, _clientEnded.Token);
        _output = new TerminalOutputReader(_backend, _outage);
    }

    /// <inheritdoc/>
    public override PipeReader Input => _output;

    /// <inheritdoc/>
    public override PipeWriter Output => _input;

    /// <inheritdoc/>
    public override bool HasEnded => _backend.HasEnded;

    /// <summary>Tells the current server and all later ones that the relay is their only user.</summary>
    public override void BeginRelay() => _backend.BeginRelay();

    /// <summary>Moves the terminal to another server, because the current one is unhealthy although its connection is open.</summary>
    public void AbandonServer() => _backend.Abandon();

    /// <summary>
    /// Moves the terminal to another server if the current one has vanished. Always returns false: the terminal continues.
    /// </summary>
    /// <param name="now">A monotonic time.</param>
    public override bool HasVanished(TimeSpan now)
    {
        _backend.AbandonIfVanished(now);
        return false;
    }

    /// <inheritdoc/>
    public override ValueTask CompleteOutputAsync() => _input.EndAsync();

    /// <inheritdoc/>
    public override void Abort()
    {
        if (_backend.Stop())
        {
            _input.Stop();

            // CancelAsync runs the callbacks on another thread: the caller may hold locks.
            _ = _stop.CancelAsync();
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        // After an orderly end both directions are over, and no reset is needed.
        if (!_output.IsOver || !_input.IsOver)
        {
            Abort();
        }

        await _input.CompleteAsync().ConfigureAwait(false);
        await _output.CompleteAsync().ConfigureAwait(false);
        await _outage.Ended.ConfigureAwait(false);
        await _backend.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
        _clientEnded.Dispose();
    }
}
