using Tailnet.Ip.Wire;

namespace Tailnet.Ip.Tcp;

/// <summary>
/// Times of a connection beside those of its sender: connecting, held acknowledgments, keep-alive, and the end of orphans.
/// </summary>
internal sealed partial class TcpConnection
{
    // A writer that found no memory, though its own buffer has room, looks again after this time.
    private const long StarvedRetry = 50 * TcpTimes.Millisecond;

    private readonly long _connectBy;
    private long _synDue;
    private long _synSentAt;
    private uint _synTimestamp;
    private int _synExpiries;
    private bool _synOwed;

    private long _ackDue = TcpTimes.Never;
    private long _keepAliveDue = TcpTimes.Never;
    private int _keepAliveProbes;
    private bool _keepAliveOwed;
    private long _closeBy = TcpTimes.Never;
    private long _roomDue = TcpTimes.Never;

    /// <summary>When <see cref="Tick"/> is to be called next.</summary>
    public long Deadline { get; private set; } = TcpTimes.Never;

    /// <summary>Handles what is due.</summary>
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

    /// <summary>The way to the peer has just come up: a SYN that waited or was lost goes out at once.</summary>
    public void PathUp(long now)
    {
        if (State == TcpState.SynSent)
        {
            _synOwed = true;
            _synDue = now + TcpTimes.InitialTimeout;
            UpdateDeadline();
            _host.Ready(this);
        }
    }

    private void TickConnecting(long now)
    {
        if (now >= _connectBy)
        {
            End(TcpCloseReason.ConnectTimeout, TcpFlags.None);
        }
        else if (now >= _synDue)
        {
            _synOwed = true;
            _synExpiries++;
            _synDue = now + new RttEstimator().Backed(_synExpiries, TcpTimes.MaxSynTimeout);
        }
    }

    private void TickOpen(long now)
    {
        if (now >= _closeBy)
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
            _receiver!.OweAck();
        }

        if (now >= _roomDue)
        {
            _roomDue = TcpTimes.Never;
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
            // Data on its way, or a shut window, has a limit of its own.
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
            _keepAliveOwed = true;
            _keepAliveDue = now + TcpTimes.KeepAliveInterval;
        }
    }

    /// <summary>The application's waiting write goes on when there is room.</summary>
    private void AwaitRoom(bool starved)
    {
        if (starved)
        {
            _roomDue = _context.Now + StarvedRetry;
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
            Deadline = Math.Min(_connectBy, _synDue);
        }
        else
        {
            Deadline = Math.Min(
                Math.Min(_sender!.Deadline, _ackDue),
                Math.Min(_keepAliveDue, Math.Min(_closeBy, _roomDue)));
        }

        if (Deadline != TcpTimes.Never)
        {
            _host.Schedule(Deadline);
        }
    }
}
