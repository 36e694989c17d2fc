using System.IO.Pipelines;
using Relay.Derp.Wire;

namespace Relay.Derp.Client;

/// <summary>
/// A client of a DERP relay on one connection (derp.md §10). The caller opens the transport, up to and including the HTTP upgrade, and
/// closes its socket afterwards. Each connection needs a new client.
/// </summary>
/// <remarks>
/// 1. <see cref="RunAsync"/> answers the relay's ServerKey with ClientInfo, and waits for ServerInfo.
/// 2. Each read returns a batch of frames. The handler gets the packets, and pongs are sent at the end of the batch.
/// 3. Any thread may send. No packet is queued: <see cref="TrySend"/> returns whether the output has accepted it.
/// 4. The heartbeat pings a silent relay, and ends a connection whose relay stays silent or reads nothing.
/// </remarks>
public sealed class DerpClient
{
    private const int NotClosing = -1;

    private readonly PipeReader _input;
    private readonly DerpLogin _login;
    private readonly DerpClientOutbox _outbox;
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

    /// <summary>Creates a client.</summary>
    /// <param name="transport">The connection. The client completes its input and output.</param>
    /// <param name="key">The client's key, which is its address.</param>
    /// <param name="handler">Receives the relay's packets and events.</param>
    /// <param name="heartbeat">The timer and the clock of the client's time-outs.</param>
    /// <param name="options">The time-outs and the relay's key; null for the defaults.</param>
    public DerpClient(
        DerpTransport transport,
        NodePrivateKey key,
        IDerpClientHandler handler,
        DerpClientHeartbeat heartbeat,
        DerpClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(transport);
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(heartbeat);
        (Key, _input, _heartbeat, _options, _time) =
            (key.PublicKey, transport.Input, heartbeat, options ?? new DerpClientOptions(), heartbeat.Time);
        _login = new DerpLogin(key, new ClientInfo(DerpProtocol.Version, null, CanAckPings: true, IsProber: false));
        _outbox = new DerpClientOutbox(transport.Output);
        _receiver = new DerpClientReceiver(_login, _options.ServerKey, _outbox, handler);
    }

    /// <summary>The client's public key.</summary>
    public NodeKey Key { get; }

    /// <summary>The relay's public key, once the client is connected.</summary>
    public NodeKey ServerKey => _login.Server;

    /// <summary>Whether the relay has admitted the client and the connection has not ended.</summary>
    public bool IsConnected => _outbox.IsOpen;

    /// <summary>The number of reads that returned bytes of the relay.</summary>
    internal int Reads => Volatile.Read(ref _reads);

    private DerpClientCloseReason? Closing =>
        Volatile.Read(ref _closing) is var closing and not NotClosing ? (DerpClientCloseReason)closing : null;

    /// <summary>Runs the connection until it ends. An error of the relay or the network is a reason, not an exception.</summary>
    /// <param name="cancellationToken">Ends the connection.</param>
    /// <returns>Why the connection ended.</returns>
    /// <exception cref="InvalidOperationException">The client has run before.</exception>
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

    /// <summary>Sends a packet, without waiting. <see cref="Flush"/> ends a batch of packets.</summary>
    /// <param name="destination">The receiver's key.</param>
    /// <param name="packet">The packet, up to <see cref="DerpProtocol.MaxPacketLength"/> bytes.</param>
    /// <returns>False when the packet was not accepted: the output is full, or the client is not connected.</returns>
    public bool TrySend(in NodeKey destination, ReadOnlySpan<byte> packet)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(packet.Length, DerpProtocol.MaxPacketLength, nameof(packet));
        return _outbox.TrySend(destination, packet);
    }

    /// <summary>Flushes the accepted packets to the transport.</summary>
    public void Flush() => _outbox.Flush();

    /// <summary>Tells the relay whether it is the client's home relay. The frame waits for the end of the login.</summary>
    /// <param name="home">Whether the relay is the home relay.</param>
    public void NotePreferred(bool home) => _outbox.NotePreferred(home);

    /// <summary>Checks the time-outs. The heartbeat calls this, one call at a time.</summary>
    /// <param name="now">The current timestamp of the clock.</param>
    internal void Beat(long now)
    {
        if (!IsConnected)
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
                return IsConnected ? DerpClientCloseReason.RelayClosed : DerpClientCloseReason.Refused;
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
