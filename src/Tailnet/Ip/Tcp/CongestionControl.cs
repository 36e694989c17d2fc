namespace Tailnet.Ip.Tcp;

/// <summary>
/// NewReno's window (RFC 5681) with appropriate byte counting (RFC 3465) and an initial window of ten segments (RFC 6928), in bytes.
/// </summary>
internal struct CongestionControl
{
    private const int InitialSegments = 10;

    private readonly int _segment;
    private long _acknowledged;
    private long _threshold;
    private (long Window, long Threshold) _before;

    /// <summary>The state of a new connection.</summary>
    /// <param name="segment">Bytes of data in a full segment.</param>
    /// <param name="lostSyn">The SYN was lost: the path is taken for full (RFC 5681 §3.1).</param>
    public CongestionControl(int segment, bool lostSyn)
    {
        _segment = segment;
        _threshold = TcpTimes.MaxInFlight;
        Window = lostSyn ? segment : InitialSegments * segment;
    }

    /// <summary>Bytes that may be in flight.</summary>
    public long Window { get; private set; }

    /// <summary>Whether the window doubles in a round trip.</summary>
    public readonly bool IsSlowStart => Window < _threshold;

    /// <summary>Data was acknowledged while the window was what limited the sender.</summary>
    /// <param name="bytes">How much.</param>
    /// <param name="afterTimeout">Growth is slower while a time-out is repaired (RFC 3465 §2.3).</param>
    public void Acknowledged(long bytes, bool afterTimeout)
    {
        if (IsSlowStart)
        {
            Window += Math.Min(bytes, (afterTimeout ? 1 : 2) * _segment);
        }
        else
        {
            _acknowledged += bytes;
            if (_acknowledged >= Window)
            {
                _acknowledged -= Window;
                Window += _segment;
            }
        }

        Window = Math.Min(Window, TcpTimes.MaxInFlight);
    }

    /// <summary>A segment was lost, and others arrive.</summary>
    public void Lost(long inFlight)
    {
        _before = (Window, _threshold);
        _threshold = Math.Max(inFlight / 2, 2 * _segment);
        Window = _threshold;
        _acknowledged = 0;
    }

    /// <summary>Nothing arrives any more.</summary>
    public void TimedOut(long inFlight, bool repeated)
    {
        if (!repeated)
        {
            _before = (Window, _threshold);
            _threshold = Math.Max(inFlight / 2, 2 * _segment);
        }

        Window = _segment;
        _acknowledged = 0;
    }

    /// <summary>What was taken for a loss was a delay.</summary>
    public void Undo()
    {
        Window = Math.Max(Window, _before.Window);
        _threshold = Math.Max(_threshold, _before.Threshold);
    }

    /// <summary>Nothing was sent for longer than a time-out: what was learned of the path is old (RFC 5681 §4.1).</summary>
    public void RestartAfterIdle() => Window = Math.Min(Window, InitialSegments * _segment);
}
