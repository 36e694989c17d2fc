namespace Tailnet.WireGuard;

/// <summary>
/// When the initiations of one handshake are sent (wireguard.md §4.2). With a pace they begin close together, and the time since the
/// first one doubles; then, or without a pace, they are 5 s apart.
/// </summary>
internal struct HandshakeTries
{
    private long _from;
    private long _pace;
    private int _sent;

    /// <summary>Whether a handshake is being tried.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>When it is tried no more.</summary>
    public long Until { get; private set; }

    /// <summary>Begins a handshake.</summary>
    /// <param name="from">The time of the first initiation.</param>
    /// <param name="pace">The first wait; 0 for 5 s.</param>
    /// <param name="until">The time after which there is none.</param>
    public void Start(long from, long pace, long until) => (_from, _pace, _sent, IsRunning, Until) = (from, pace, 0, true, until);

    /// <summary>Begins to try anew, without more time.</summary>
    public void Quicken(long from, long pace) => (_from, _pace, _sent) = (from, pace, 0);

    public void Stop() => IsRunning = false;

    /// <summary>An initiation is sent now: when the next one is due.</summary>
    public long Next(long now, WireGuardTimes times)
    {
        var offset = _pace << _sent;
        if (offset == 0 || offset >= times.RekeyTimeout)
        {
            _pace = 0;
            return now + times.RekeyTimeout + times.Jitter();
        }

        _sent++;
        return Math.Max(_from + offset, now + times.InitiationGap);
    }
}
