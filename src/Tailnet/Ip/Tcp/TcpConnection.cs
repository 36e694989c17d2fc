using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>The result of a connection's turn of sending.</summary>
internal enum PumpResult
{
    /// <summary>Nothing more may be sent now.</summary>
    Done,

    /// <summary>The turn is used up, and more may be sent.</summary>
    More,

    /// <summary>The output is blocked.</summary>
    Blocked,
}

/// <summary>
/// One TCP connection that this side has opened (RFC 9293, client only). Its host holds the lock for every call: <see cref="Receive"/> for
/// each segment, <see cref="Tick"/> at <see cref="Deadline"/>, and <see cref="Pump"/> at the end of a batch. No method waits or calls the
/// application.
/// </summary>
internal sealed partial class TcpConnection
{
    private readonly ITcpHost _host;
    private readonly TcpContext _context;
    private readonly TcpSettings _settings;
    private readonly uint _initialSequence;
    private readonly uint _clockOffset;

    private TcpReceiver? _receiver;
    private TcpSender? _sender;
    private bool _hasSack;
    private bool _hasTimestamps;
    private uint _recentTimestamp;
    private long _recentAt;
    private long _flightReported;
    private TcpFlags _finalFlags;
    private bool _isOrphan;

    /// <summary>Creates a connection, which sends its SYN at its next turn.</summary>
    public TcpConnection(ITcpHost host, in Ipv6Address remote, ushort localPort, ushort remotePort, TcpSettings settings, long now)
    {
        _host = host;
        _context = host.Context;
        _settings = settings;
        Remote = remote;
        LocalPort = localPort;
        RemotePort = remotePort;
        _initialSequence = _context.Random();
        _clockOffset = _context.Random();
        _connectDeadline = now + (long)settings.ConnectTimeout.TotalMicroseconds;
        _synDue = now + TcpTimes.InitialTimeout;
        _synPending = true;
        Stream = new TcpStream(this, host);
        UpdateDeadline();
        host.Ready(this);
    }

    /// <summary>The stream for the application.</summary>
    public TcpStream Stream { get; }

    /// <summary>The peer's address.</summary>
    public Ipv6Address Remote { get; }

    /// <summary>This side's port.</summary>
    public ushort LocalPort { get; }

    /// <summary>The peer's port.</summary>
    public ushort RemotePort { get; }

    public TcpState State { get; private set; }

    /// <summary>Why the connection ended.</summary>
    public TcpCloseReason Reason { get; private set; }

    /// <summary>Whether the connection is in the host's queue for a turn of sending. Only the host uses it.</summary>
    public bool IsReady { get; set; }

    /// <summary>Bytes that the application can read now.</summary>
    public int Readable => _receiver?.Readable ?? 0;

    /// <summary>Whether the application has read everything up to the peer's FIN.</summary>
    public bool IsAtEnd => _receiver is { IsAtEnd: true };

    /// <summary>Free bytes of the send buffer.</summary>
    public int Room => _sender is null || State == TcpState.Closed ? 0 : _sender.Room;

    /// <summary>Size of the chunks of both buffers in bytes.</summary>
    public long Held => (_sender?.Held ?? 0) + (_receiver?.Held ?? 0);

    /// <summary>The smoothed round-trip time in microseconds; 0 before the first sample.</summary>
    public long RoundTrip => _sender?.RoundTrip ?? 0;

    internal TcpSender? Sender => _sender;

    internal TcpReceiver? Receiver => _receiver;

    /// <summary>Copies received bytes. True when a window update is due.</summary>
    public bool Read(Span<byte> destination, out int length)
    {
        length = _receiver!.Read(destination);
        var update = State is TcpState.Established or TcpState.FinWait1 or TcpState.FinWait2 && _receiver.IsWindowUpdateDue;
        if (update)
        {
            _host.Ready(this);
        }

        return update;
    }

    /// <summary>Copies bytes into the send buffer, and returns how many it took.</summary>
    public int Write(ReadOnlySpan<byte> bytes)
    {
        var length = Room == 0 ? 0 : _sender!.Write(bytes);
        if (length > 0)
        {
            _host.Ready(this);
        }

        if (length < bytes.Length)
        {
            ContinueWrite(poolIsFull: Room > 0);
        }

        return length;
    }

    /// <summary>Closes this side's half: the FIN follows the last byte.</summary>
    public void CompleteWrites()
    {
        State = State switch
        {
            TcpState.Established => TcpState.FinWait1,
            TcpState.CloseWait => TcpState.LastAck,
            _ => State,
        };
        _sender?.Finish();
        _host.Ready(this);
    }

    /// <summary>
    /// Closes the connection for the application, which makes it an orphan. It sends a FIN, or an RST when received data is unread
    /// (RFC 2525 §2.17).
    /// </summary>
    public void Close(long now)
    {
        if (State is TcpState.SynSent)
        {
            End(TcpCloseReason.LocalAbort, TcpFlags.None);
        }
        else if (State != TcpState.Closed && Readable > 0)
        {
            End(TcpCloseReason.LocalAbort, TcpFlags.Rst);
        }
        else if (State != TcpState.Closed)
        {
            _isOrphan = true;
            _closeDeadline = now + TcpTimes.OrphanTimeout;
            CompleteWrites();
            UpdateDeadline();
        }

        if (State == TcpState.Closed)
        {
            _receiver?.Discard();
        }
    }

    /// <summary>Ends the connection at once.</summary>
    /// <param name="reason">The reason in the exception of reads and writes.</param>
    /// <param name="tellPeer">Whether an RST is sent.</param>
    public void Abort(TcpCloseReason reason, bool tellPeer)
    {
        if (State != TcpState.Closed)
        {
            End(reason, tellPeer && State != TcpState.SynSent ? TcpFlags.Rst : TcpFlags.None);
        }
        else if (reason == TcpCloseReason.LocalAbort && Readable > 0)
        {
            // The connection has ended before. Its unread data is discarded, and a read must then fail instead of returning the end of
            // stream.
            _receiver!.Discard();
            Reason = reason;
        }
    }

    /// <summary>The state of the connection for TIME-WAIT.</summary>
    public TimeWaitEntry ToTimeWait(long now) =>
        new(LocalPort, RemotePort, Remote, _sender!.Next, _receiver!.Next, Options(now), now + TcpTimes.TimeWait);

    private void End(TcpCloseReason reason, TcpFlags finalFlags, bool timeWait = false)
    {
        State = TcpState.Closed;
        Reason = reason;
        Deadline = TcpTimes.Never;
        _sender?.Discard();
        if (reason == TcpCloseReason.LocalAbort || _isOrphan)
        {
            _receiver?.Discard();
        }

        _host.FlightChanged(-_flightReported);
        _flightReported = 0;
        _host.Ended(this, timeWait);
        _finalFlags = finalFlags;
        if (finalFlags != TcpFlags.None)
        {
            _host.Ready(this);
        }

        _context.Complete(Stream);
    }

    private void ReportFlight()
    {
        var flight = State == TcpState.Closed ? 0 : _sender?.InFlight ?? 0;
        if (flight != _flightReported)
        {
            _host.FlightChanged(flight - _flightReported);
            _flightReported = flight;
        }
    }

    private uint Clock(long now) => _clockOffset + (uint)(now / TcpTimes.Millisecond);
}
