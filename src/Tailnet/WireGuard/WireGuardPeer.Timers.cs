namespace Tailnet.WireGuard;

/// <content>What is due (wireguard.md §4).</content>
public sealed partial class WireGuardPeer
{
    /// <summary>
    /// When <see cref="Tick"/> is to be called, as a timestamp of the clock; <see cref="long.MaxValue"/> for never. Each call of the peer
    /// may change it, mostly to a later time: a caller that comes too early does no harm.
    /// </summary>
    public long NextDeadline => _timers.Next;

    /// <summary>Does what is due by now.</summary>
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
                    TryAgain(now);
                    break;
                case PeerTimer.KeepAlive:
                    SendOwedKeepAlive(now);
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

    private void TryAgain(long now)
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

    private void SendOwedKeepAlive(long now)
    {
        SendKeepAlive(now);
        if (_owesAnotherKeepAlive)
        {
            _owesAnotherKeepAlive = false;
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
