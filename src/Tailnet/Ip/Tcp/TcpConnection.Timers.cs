using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>
/// The timers of a connection apart from those of its sender: connection establishment, delayed acknowledgments, keep-alive, the retry of
/// writes, and the limit of orphans. Times are microseconds of the stack's clock.
/// </summary>
internal sealed partial class TcpConnection
{
    // A write waits this long before it retries when the buffer pool is full although the send buffer has room.
    private const long WriteRetry = 50 * TcpTimes.Millisecond;

    private readonly long _connectDeadline;
    private long _synDue;
    private long _synSentAt;
    private uint _synTimestamp;
    private int _synExpiries;
    private bool _synPending;

    private long _ackDue = TcpTimes.Never;
    private long _keepAliveDue = TcpTimes.Never;
    private int _keepAliveProbes;
    private bool _keepAlivePending;
    private long _closeDeadline = TcpTimes.Never;
    private long _writeRetryDue = TcpTimes.Never;

    /// <summary>Time of the next <see cref="Tick"/>, in microseconds.</summary>
    public long Deadline { get; private set; } = TcpTimes.Never;

    /// <summary>Runs the timers that have expired.</summary>
    public void Tick(long now)
    {
        switch (State)
        {
            case TcpState.Closed:
                return;
            case TcpState.SynSent:
                TickConnecting(now);
                break;
            default:
                TickOpen(now);
                break;
        }

        if (State != TcpState.Closed)
        {
            UpdateDeadline();
            _host.Ready(this);
        }
    }

    /// <summary>Sends an unanswered SYN again at once, because a WireGuard session with the agent has come up.</summary>
    public void PathUp(long now)
    {
        if (State == TcpState.SynSent)
        {
            _synPending = true;
            _synDue = now + TcpTimes.InitialTimeout;
            UpdateDeadline();
            _host.Ready(this);
        }
    }

    private void TickConnecting(long now)
    {
        if (now >= _connectDeadline)
        {
            End(TcpCloseReason.ConnectTimeout, TcpFlags.None);
        }
        else if (now >= _synDue)
        {
            _synPending = true;
            _synExpiries++;
            _synDue = now + new RttEstimator().BackedOff(_synExpiries, TcpTimes.MaxSynTimeout);
        }
    }

    private void TickOpen(long now)
    {
        if (now >= _closeDeadline)
        {
            End(TcpCloseReason.CloseTimeout, TcpFlags.Rst);
            return;
        }

        if (!_sender!.TryTick(now))
        {
            End(TcpCloseReason.SendTimeout, TcpFlags.Rst);
            return;
        }

        if (now >= _ackDue)
        {
            _receiver!.RequestAck();
        }

        if (now >= _writeRetryDue)
        {
            _writeRetryDue = TcpTimes.Never;
            _context.Complete(Stream);
        }

        if (now >= _keepAliveDue)
        {
            KeepAlive(now);
        }
    }

    private void KeepAlive(long now)
    {
        if (_sender!.IsWaiting)
        {
            // Data in flight and zero-window probes have a limit of their own.
            _keepAliveProbes = 0;
            _keepAliveDue = now + TcpTimes.KeepAliveIdle;
        }
        else if (_keepAliveProbes == TcpTimes.KeepAliveProbes)
        {
            End(TcpCloseReason.KeepAliveTimeout, TcpFlags.Rst);
        }
        else
        {
            _keepAliveProbes++;
            _keepAlivePending = true;
            _keepAliveDue = now + TcpTimes.KeepAliveInterval;
        }
    }

    /// <summary>
    /// Continues a waiting write when a quarter of the send buffer, or enough for the rest of the write, is free. After a failure of the
    /// buffer pool, sets the timer of a retry instead.
    /// </summary>
    private void ContinueWrite(bool poolIsFull)
    {
        if (poolIsFull)
        {
            _writeRetryDue = _context.Now + WriteRetry;
            UpdateDeadline();
        }
        else if (Room >= Math.Min(_settings.SendBuffer / 4, Stream.Unwritten))
        {
            _context.Complete(Stream);
        }
    }

    private void UpdateDeadline()
    {
        if (State == TcpState.Closed)
        {
            return;
        }

        if (State == TcpState.SynSent)
        {
            Deadline = Math.Min(_connectDeadline, _synDue);
        }
        else
        {
            Deadline = Math.Min(
                Math.Min(_sender!.Deadline, _ackDue),
                Math.Min(_keepAliveDue, Math.Min(_closeDeadline, _writeRetryDue)));
        }

        if (Deadline != TcpTimes.Never)
        {
            _host.Schedule(Deadline);
        }
    }
}
