using System.IO.Pipelines;

namespace Relay.Derp.Client;

/// <summary>
/// One connection of a client: the login, the loop that reads, and the time-outs. <see cref="DerpClient"/> and the links of a mesh use it,
/// each with an outbox of its own.
/// </summary>
internal sealed class DerpClientConnection
{
    private const int NotClosing = -1;

    private readonly PipeReader _input;
    private readonly IDerpClientOutbox _outbox;
    private readonly DerpClientReceiver _receiver;
    private readonly DerpClientHeartbeat _heartbeat;
    private readonly DerpClientOptions _options;
    private readonly TimeProvider _time;
    private int _closing = NotClosing;
    private int _isStarted;
    private int _reads;

    // State of the heartbeat. The last two fields are for a full output: the timestamp since which it has accepted no byte (0 when it is
    // not full), and the number of bytes that it had accepted by then.
    private long _lastReadAt;
    private int _lastReads;
    private bool _isPinged;
    private long _stuckSince;
    private long _stuckTaken;

    /// <summary>Creates a connection.</summary>
    /// <param name="input">The relay's bytes. The connection completes it.</param>
    /// <param name="login">The handshake, with the client's key.</param>
    /// <param name="outbox">The sending half. The connection closes it.</param>
    /// <param name="handler">Receives the relay's packets and events.</param>
    /// <param name="heartbeat">The timer and the clock of the time-outs.</param>
    /// <param name="options">The time-outs and the relay's key.</param>
    public DerpClientConnection(
        PipeReader input,
        DerpLogin login,
        IDerpClientOutbox outbox,
        IDerpClientHandler handler,
        DerpClientHeartbeat heartbeat,
        DerpClientOptions options)
    {
        (_input, _outbox, _heartbeat, _options, _time) = (input, outbox, heartbeat, options, heartbeat.Time);
        _receiver = new DerpClientReceiver(login, options.ServerKey, outbox, handler);
    }

    /// <summary>The number of reads that returned bytes of the relay.</summary>
    public int Reads => Volatile.Read(ref _reads);

    private DerpClientCloseReason? Closing =>
        Volatile.Read(ref _closing) is var closing and not NotClosing ? (DerpClientCloseReason)closing : null;

    /// <summary>Runs the connection until it ends. An error of the relay or the network is a reason, not an exception.</summary>
    /// <param name="cancellationToken">Ends the connection.</param>
    /// <returns>Why the connection ended.</returns>
    /// <exception cref="InvalidOperationException">The connection has run before.</exception>
    public async Task<DerpClientCloseReason> RunAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _isStarted, 1) != 0)
        {
            throw new InvalidOperationException("A DERP client runs once.");
        }

        try
        {
            _lastReadAt = _time.GetTimestamp();
            _heartbeat.Add(this);
            return await ReceiveAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _heartbeat.Remove(this);
            _outbox.Close();
            await _input.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Checks the time-outs. The heartbeat calls this, one call at a time.</summary>
    /// <param name="now">The current timestamp of the clock.</param>
    public void Beat(long now)
    {
        if (!_outbox.IsOpen)
        {
            if (_time.GetElapsedTime(_lastReadAt, now) >= _options.LoginTimeout)
            {
                End(DerpClientCloseReason.LoginTimeout);
            }

            return;
        }

        CheckWriteTimeout(now);
        CheckSilence(now);
    }

    private async Task<DerpClientCloseReason> ReceiveAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult result;
            try
            {
                result = await _input.ReadAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is IOException or OperationCanceledException or InvalidOperationException
                or ObjectDisposedException)
            {
                // The transport failed, or the caller has cancelled.
                return cancellationToken.IsCancellationRequested ? DerpClientCloseReason.Stopped
                    : Closing ?? DerpClientCloseReason.Aborted;
            }

            if (cancellationToken.IsCancellationRequested)
            {
                return DerpClientCloseReason.Stopped;
            }

            if (Closing is { } closing)
            {
                return closing;
            }

            var buffer = result.Buffer;
            if (!buffer.IsEmpty)
            {
                Volatile.Write(ref _reads, _reads + 1);
            }

            var reason = _receiver.Receive(ref buffer);
            _input.AdvanceTo(buffer.Start, buffer.End);
            _outbox.Flush();
            if (reason is { } ended)
            {
                return ended;
            }

            if (result.IsCompleted)
            {
                return _outbox.IsOpen ? DerpClientCloseReason.RelayClosed : DerpClientCloseReason.Refused;
            }
        }
    }

    private void End(DerpClientCloseReason reason)
    {
        if (Interlocked.CompareExchange(ref _closing, (int)reason, NotClosing) == NotClosing)
        {
            _input.CancelPendingRead();
        }
    }

    // A relay that reads slowly keeps the output full too, but the number of accepted bytes grows.
    private void CheckWriteTimeout(long now)
    {
        var taken = _outbox.Taken;
        if (!_outbox.IsStuck)
        {
            _stuckSince = 0;
        }
        else if (_stuckSince == 0 || _stuckTaken != taken)
        {
            (_stuckSince, _stuckTaken) = (now, taken);
        }
        else if (_options.WriteTimeout > TimeSpan.Zero && _time.GetElapsedTime(_stuckSince, now) >= _options.WriteTimeout)
        {
            End(DerpClientCloseReason.WriteTimeout);
        }
    }

    private void CheckSilence(long now)
    {
        var reads = Reads;
        if (reads != _lastReads)
        {
            (_lastReads, _lastReadAt, _isPinged) = (reads, now, false);
            return;
        }

        var silence = _time.GetElapsedTime(_lastReadAt, now);
        if (silence >= _options.SilenceTimeout)
        {
            End(DerpClientCloseReason.Silent);
        }
        else if (silence >= _options.PingAfter && !_isPinged)
        {
            _isPinged = true;
            _outbox.SendPing((ulong)now);
        }
    }
}
