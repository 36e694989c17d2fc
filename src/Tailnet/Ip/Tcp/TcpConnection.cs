using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>What became of a turn of sending.</summary>
internal enum PumpResult
{
    /// <summary>Nothing more may be sent now.</summary>
    Done,

    /// <summary>The turn is over, and there is more to send.</summary>
    More,

    /// <summary>The output takes nothing now.</summary>
    Blocked,
}

/// <summary>
/// One TCP connection that this side has opened (RFC 9293, client only). Its host calls it under the lock: <see cref="Receive"/> for each
/// segment, <see cref="Tick"/> at <see cref="Deadline"/>, and <see cref="Pump"/> at the end of a batch. Nothing here waits, or calls the
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
    private TcpFlags _farewell;
    private bool _isOrphan;

    /// <summary>A connection whose SYN goes out at the next turn.</summary>
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
        _connectBy = now + (long)settings.ConnectTimeout.TotalMicroseconds;
        _synDue = now + TcpTimes.InitialTimeout;
        _synOwed = true;
        Stream = new TcpStream(this, host);
        UpdateDeadline();
        host.Ready(this);
    }

    /// <summary>The application's end.</summary>
    public TcpStream Stream { get; }

    /// <summary>The peer.</summary>
    public Ipv6Address Remote { get; }

    /// <summary>This side's port.</summary>
    public ushort LocalPort { get; }

    /// <summary>The peer's port.</summary>
    public ushort RemotePort { get; }

    /// <summary>Where the connection is.</summary>
    public TcpState State { get; private set; }

    /// <summary>Why it ended.</summary>
    public TcpCloseReason Reason { get; private set; }

    /// <summary>The host's own mark: the connection waits for its turn.</summary>
    public bool IsReady { get; set; }

    /// <summary>Bytes that can be read.</summary>
    public int Readable => _receiver?.Readable ?? 0;

    /// <summary>All that the peer sent has been read, and it sends no more.</summary>
    public bool IsAtEnd => _receiver is { IsAtEnd: true };

    /// <summary>Bytes that can be written.</summary>
    public int Room => _sender is null || State == TcpState.Closed ? 0 : _sender.Room;

    /// <summary>Bytes of memory that the buffers use.</summary>
    public long Held => (_sender?.Held ?? 0) + (_receiver?.Held ?? 0);

    /// <summary>The smoothed round-trip time in microseconds; 0 before the first sample.</summary>
    public long RoundTrip => _sender?.RoundTrip ?? 0;

    internal TcpSender? Sender => _sender;

    internal TcpReceiver? Receiver => _receiver;

    /// <summary>Copies out what can be read. True when the peer is to hear of the room.</summary>
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

    /// <summary>Takes what the application writes, and returns how many bytes.</summary>
    public int Write(ReadOnlySpan<byte> bytes)
    {
        var length = Room == 0 ? 0 : _sender!.Write(bytes);
        if (length > 0)
        {
            _host.Ready(this);
        }

        if (length < bytes.Length)
        {
            AwaitRoom(starved: Room > 0);
        }

        return length;
    }

    /// <summary>The application has written everything: the FIN follows the last byte.</summary>
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
    /// The application has closed the connection: by FIN, or by RST when the peer has sent what nobody will read (RFC 2525 §2.17).
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
            _closeBy = now + TcpTimes.FinWait2;
            CompleteWrites();
            UpdateDeadline();
        }

        if (State == TcpState.Closed)
        {
            _receiver?.Discard();
        }
    }

    /// <summary>Ends the connection at once.</summary>
    /// <param name="reason">What readers and writers are told.</param>
    /// <param name="tellPeer">Whether an RST goes out.</param>
    public void Abort(TcpCloseReason reason, bool tellPeer)
    {
        if (State != TcpState.Closed)
        {
            End(reason, tellPeer && State != TcpState.SynSent ? TcpFlags.Rst : TcpFlags.None);
        }
        else if (reason == TcpCloseReason.LocalAbort && Readable > 0)
        {
            // It has ended before. What it had received is not wanted any more, and a reader must not take that for the end of the stream.
            _receiver!.Discard();
            Reason = reason;
        }
    }

    /// <summary>What is to be known of the connection while its port rests.</summary>
    public RestingPort Rest(long now) =>
        new(LocalPort, RemotePort, Remote, _sender!.Next, _receiver!.Next, Options(now), now + TcpTimes.TimeWait);

    private void End(TcpCloseReason reason, TcpFlags farewell, bool rests = false)
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
        _host.Ended(this, rests);
        _farewell = farewell;
        if (farewell != TcpFlags.None)
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
