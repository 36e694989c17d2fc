namespace Tailnet.Ip.Tcp;

/// <summary>
/// The congestion window of NewReno (RFC 5681) with appropriate byte counting (RFC 3465) and an initial window of ten segments (RFC 6928).
/// All windows are in bytes.
/// </summary>
internal struct CongestionControl
{
    private const int InitialSegments = 10;

    private readonly int _segment;
    private long _acknowledged;
    private long _threshold;
    private (long Window, long Threshold) _before;

    /// <param name="segment">Bytes of data in a full segment.</param>
    /// <param name="lostSyn">Whether the SYN was retransmitted; the initial window is then one segment (RFC 5681 §3.1).</param>
    public CongestionControl(int segment, bool lostSyn)
    {
        _segment = segment;
        _threshold = TcpTimes.MaxInFlight;
        Window = lostSyn ? segment : InitialSegments * segment;
    }

    /// <summary>The congestion window (cwnd).</summary>
    public long Window { get; private set; }

    /// <summary>Whether the window is below the slow-start threshold (ssthresh).</summary>
    public readonly bool IsSlowStart => Window < _threshold;

    /// <summary>Grows the window after an acknowledgment. The caller checks that the congestion window limited the sender.</summary>
    /// <param name="bytes">Newly acknowledged bytes.</param>
    /// <param name="afterTimeout">Whether the sender recovers from a time-out, when slow start grows slower (RFC 3465 §2.3).</param>
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

    /// <summary>Halves the window for fast recovery, once for each loss event.</summary>
    /// <param name="inFlight">Bytes in flight when the loss was detected.</param>
    public void Lost(long inFlight)
    {
        _before = (Window, _threshold);
        _threshold = Math.Max(inFlight / 2, 2 * _segment);
        Window = _threshold;
        _acknowledged = 0;
    }

    /// <summary>Sets the window to one segment after a retransmission time-out.</summary>
    /// <param name="inFlight">Bytes in flight when the timer expired.</param>
    /// <param name="repeated">Whether the timer expired for the same data before; the threshold then stays (RFC 5681 §3.1).</param>
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

    /// <summary>Restores window and threshold after a spurious retransmission (RFC 4015).</summary>
    public void Undo()
    {
        Window = Math.Max(Window, _before.Window);
        _threshold = Math.Max(_threshold, _before.Threshold);
    }

    /// <summary>Reduces the window to the initial one when nothing was sent for longer than a time-out (RFC 5681 §4.1).</summary>
    public void RestartAfterIdle() => Window = Math.Min(Window, InitialSegments * _segment);
}
