namespace Tailnet.WireGuard;

/// <content>Timers (wireguard.md §4).</content>
public sealed partial class WireGuardPeer
{
    /// <summary>
    /// The timestamp of the clock at which the owner must call <see cref="Tick"/>; <see cref="long.MaxValue"/> for never. Each call of the
    /// peer may change it, mostly to a later time. An early tick does no harm.
    /// </summary>
    public long NextDeadline => _timers.Next;

    /// <summary>Runs the timers that are due.</summary>
    /// <exception cref="ObjectDisposedException">The peer is disposed.</exception>
    public void Tick()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var now = _times.Now;
        while (_timers.TryTakeDue(now, out var timer))
        {
            switch (timer)
            {
                case PeerTimer.Handshake:
                    Retransmit(now);
                    break;
                case PeerTimer.KeepAlive:
                    SendPassiveKeepAlive(now);
                    break;
                case PeerTimer.NoAnswer:
                    BeginHandshake(now);
                    break;
                case PeerTimer.Persistent:
                    SendKeepAlive(now);
                    break;
                case PeerTimer.Erase:
                    _slots.Clear();
                    break;
            }
        }
    }

    private void Retransmit(long now)
    {
        if (now < _tries.Until)
        {
            Initiate(now);
            return;
        }

        _tries.Stop();
        ForgetInitiation();
        _queue.Clear();
        _timers.Clear(PeerTimer.KeepAlive);
        _output.GaveUp(this);
    }

    private void SendPassiveKeepAlive(long now)
    {
        SendKeepAlive(now);
        if (_needsAnotherKeepAlive)
        {
            _needsAnotherKeepAlive = false;
            _timers.Set(PeerTimer.KeepAlive, now + _times.KeepAliveTimeout);
        }
    }

    private void RestartPersistent(long now)
    {
        if (KeepsAlive)
        {
            _timers.Set(PeerTimer.Persistent, now + _times.PersistentKeepAlive);
        }
        else
        {
            _timers.Clear(PeerTimer.Persistent);
        }
    }
}
