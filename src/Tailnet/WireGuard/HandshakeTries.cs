namespace Tailnet.WireGuard;

/// <summary>
/// The schedule of the initiations of one handshake (wireguard.md §4.2). A first delay starts an exponential backoff: the time since the
/// first initiation doubles with each retransmission. After 5 s, or without a first delay, retransmissions are 5 s apart.
/// </summary>
internal struct HandshakeTries
{
    private long _from;
    private long _firstDelay;
    private int _sent;

    /// <summary>Whether a handshake is in progress.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>The timestamp at which the handshake is given up.</summary>
    public long Until { get; private set; }

    /// <summary>Begins a handshake.</summary>
    /// <param name="from">The timestamp of the first initiation.</param>
    /// <param name="firstDelay">The delay of the first retransmission, in ticks of the clock's timestamps; 0 for 5 s.</param>
    /// <param name="until">The timestamp at which the handshake is given up.</param>
    public void Start(long from, long firstDelay, long until) =>
        (_from, _firstDelay, _sent, IsRunning, Until) = (from, firstDelay, 0, true, until);

    /// <summary>Begins the backoff again. The handshake is given up at the same time as before.</summary>
    public void Restart(long from, long firstDelay) => (_from, _firstDelay, _sent) = (from, firstDelay, 0);

    public void Stop() => IsRunning = false;

    /// <summary>Counts an initiation that is sent now. Returns the timestamp of the next one.</summary>
    public long Next(long now, WireGuardTimes times)
    {
        var offset = _firstDelay << _sent;
        if (offset == 0 || offset >= times.RekeyTimeout)
        {
            _firstDelay = 0;
            return now + times.RekeyTimeout + times.Jitter();
        }

        _sent++;
        return Math.Max(_from + offset, now + times.InitiationGap);
    }
}
