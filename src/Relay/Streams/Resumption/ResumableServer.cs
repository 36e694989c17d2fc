using System.IO.Pipelines;

namespace Relay.Streams.Resumption;

/// <summary>
/// The API server's end of a terminal, which outlives API servers: when the one behind goes away without having ended the terminal, the
/// same request goes to another one, and the relay on this side sees only a pause. Its frames must be a WebSocket's without extensions.
/// </summary>
/// <remarks>
/// There are no loops and no buffers here: the relay's own two loops reach through to the server there is. <see cref="TerminalOutputReader"/>
/// gives them the server's bytes where they lie, up to the end of a frame; <see cref="TerminalInputWriter"/> follows the client's JSON in
/// the bytes that it passes on. Only when the server is lost something runs by itself: a <see cref="TerminalOutage"/>, whose messages the
/// reader gives until there is a server again. What is typed meanwhile is dropped.
/// </remarks>
public sealed class ResumableServer : StreamTransport
{
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _leaves = new();
    private readonly CurrentBackend _present;
    private readonly TerminalInputWriter _input;
    private readonly TerminalOutage _outage;
    private readonly TerminalOutputReader _output;

    /// <summary>Carries nothing before it is read and written.</summary>
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
        _present = new CurrentBackend(server);
        _input = new TerminalInputWriter(server, _leaves);
        _outage = new TerminalOutage(_present, _input, new Attachment(attach, options, time), metrics, _stop.Token, _leaves.Token);
        _output = new TerminalOutputReader(_present, _outage);
    }

    /// <inheritdoc/>
    public override PipeReader Input => _output;

    /// <inheritdoc/>
    public override PipeWriter Output => _input;

    /// <inheritdoc/>
    public override bool HasEnded => _present.HasEnded;

    /// <summary>From now on the servers' bytes go on where they arrive.</summary>
    public override void BeginRelay() => _present.BeginRelay();

    /// <summary>The server behind is known not to be well, although its connection stands: it is left for another one.</summary>
    public void LeaveServer() => _present.Leave();

    /// <summary>A server that vanished is left for another one; the terminal goes on.</summary>
    /// <param name="now">A time that only grows.</param>
    public override bool HasVanished(TimeSpan now)
    {
        _present.LeaveIfVanished(now);
        return false;
    }

    /// <inheritdoc/>
    public override ValueTask CompleteOutputAsync() => _input.EndAsync();

    /// <inheritdoc/>
    public override void Abort()
    {
        if (_present.Stop())
        {
            _input.Stop();

            // Elsewhere: whoever aborts may hold locks, and what waits for this goes on at once.
            _ = _stop.CancelAsync();
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        // After an orderly end both directions are over, and this resets nothing.
        if (!_output.IsOver || !_input.IsOver)
        {
            Abort();
        }

        await _input.CompleteAsync().ConfigureAwait(false);
        await _output.CompleteAsync().ConfigureAwait(false);
        await _outage.Ended.ConfigureAwait(false);
        await _present.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
        _leaves.Dispose();
    }
}
