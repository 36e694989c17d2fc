using System.Diagnostics.CodeAnalysis;
using Tailnet.Ip.Tcp;

namespace Tailnet.Peer;

/// <content>Dials, and the creation and eviction of agents.</content>
public sealed partial class TailnetStack
{
    private const int HttpPort = 4;
    private const int TerminalPort = 2;

    /// <summary>Connects to a TCP port of an agent: waits for its node, for a session, and for the answer to the SYN.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="port">The port.</param>
    /// <param name="timeout">The time-out for the three steps together.</param>
    /// <param name="cancellation">Cancels the dial.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time-out is not positive.</exception>
    /// <exception cref="DialException">The dial failed, for the reason in <see cref="DialException.Failure"/>.</exception>
    /// <exception cref="OperationCanceledException">The caller has cancelled.</exception>
    public async Task<TcpStream> DialAsync(Guid agent, ushort port, TimeSpan timeout, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(timeout, TimeSpan.Zero);
        var peer = BeginDial(agent, out var waiter);
        try
        {
            using var limit = new CancellationTokenSource(timeout, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
            return await ConnectAsync(peer, waiter, port, timeout, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            throw new DialException(HasNode(peer) ? DialFailure.NotReachable : DialFailure.NoNode);
        }
        finally
        {
            EndDial(peer, waiter);
        }
    }

    /// <summary>Measures the round trip of a TSMP ping, after a session exists. A lost ping is repeated after a second.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="timeout">The time-out, of the wait for the session too.</param>
    /// <param name="cancellation">Cancels the ping.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time-out is not positive.</exception>
    /// <exception cref="DialException">The agent did not answer, for the reason in <see cref="DialException.Failure"/>.</exception>
    /// <exception cref="OperationCanceledException">The caller has cancelled.</exception>
    public async Task<TimeSpan> PingAsync(Guid agent, TimeSpan timeout, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(timeout, TimeSpan.Zero);
        var peer = BeginDial(agent, out var waiter);
        try
        {
            using var limit = new CancellationTokenSource(timeout, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
            await AwaitSessionAsync(peer, waiter, either.Token).ConfigureAwait(false);
            return await PingAsync(peer, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            throw new DialException(HasNode(peer) ? DialFailure.NotReachable : DialFailure.NoNode);
        }
        finally
        {
            EndDial(peer, waiter);
        }
    }

    private static DialFailure FailureOf(TcpCloseReason reason) => reason switch
    {
        TcpCloseReason.Refused => DialFailure.Refused,
        TcpCloseReason.AgentRestarted => DialFailure.Restarted,
        TcpCloseReason.AgentGone or TcpCloseReason.AgentLost => DialFailure.Lost,
        TcpCloseReason.Stopping => DialFailure.Stopping,
        _ => DialFailure.NotReachable,
    };

    private static TcpSettings SettingsFor(ushort port) => port switch
    {
        HttpPort => TcpSettings.Http,
        TerminalPort => TcpSettings.Terminal,
        _ => TcpSettings.Bulk,
    };

    private async Task<TcpStream> ConnectAsync(
        TailnetPeer peer, TaskCompletionSource<DialFailure?>? waiter, ushort port, TimeSpan timeout, CancellationToken cancellation)
    {
        await AwaitSessionAsync(peer, waiter, cancellation).ConfigureAwait(false);
        var stream = peer.Host.Connect(peer.Remote, port, SettingsFor(port) with { ConnectTimeout = timeout })
            ?? throw new DialException(DialFailure.Busy);
        try
        {
            // Dispose ends the connections that exist then. This one may have been created after Dispose.
            if (peer.IsForgotten)
            {
                throw new DialException(DialFailure.Stopping);
            }

            stream.RunsInline = _options.DialsRunInline;
            await stream.ConnectAsync(cancellation).ConfigureAwait(false);
            return stream;
        }
        catch (Exception error)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            if (error is TcpException tcp)
            {
                throw new DialException(FailureOf(tcp.Reason));
            }

            throw;
        }
    }

    private async Task AwaitSessionAsync(TailnetPeer peer, TaskCompletionSource<DialFailure?>? waiter, CancellationToken cancellation)
    {
        if (waiter is null)
        {
            return;
        }

        using var registration = cancellation.UnsafeRegister(
            static waiter => ((TaskCompletionSource<DialFailure?>)waiter!).TrySetCanceled(), waiter);
        using var nodeLimit = HasNode(peer) ? null : _time.CreateTimer(
            _ =>
            {
                if (!HasNode(peer))
                {
                    waiter.TrySetResult(DialFailure.NoNode);
                }
            },
            null,
            _options.NodeTimeout,
            Timeout.InfiniteTimeSpan);
        if (await waiter.Task.ConfigureAwait(false) is { } failure)
        {
            throw new DialException(failure);
        }
    }

    private async Task<TimeSpan> PingAsync(TailnetPeer peer, CancellationToken cancellation)
    {
        var pong = new TaskCompletionSource<TimeSpan>(
            _options.DialsRunInline ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = cancellation.UnsafeRegister(
            static pong => ((TaskCompletionSource<TimeSpan>)pong!).TrySetCanceled(), pong);
        using var repeat = _time.CreateTimer(
            _ => Ping(peer, pong), null, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        return await pong.Task.ConfigureAwait(false);
    }

    private void Ping(TailnetPeer peer, TaskCompletionSource<TimeSpan> pong)
    {
        lock (Context.Gate)
        {
            if (_isDisposed)
            {
                pong.TrySetException(new DialException(DialFailure.Stopping));
            }
            else if (peer.TryPing(Context.Now, time => pong.TrySetResult(TimeSpan.FromMicroseconds(time))))
            {
                Schedule(peer);
                Serve();
            }
        }
    }

    private bool HasNode(TailnetPeer peer)
    {
        lock (Context.Gate)
        {
            return peer.Key is not null;
        }
    }

    private TailnetPeer BeginDial(Guid agent, out TaskCompletionSource<DialFailure?>? waiter)
    {
        waiter = null;
        lock (Context.Gate)
        {
            if (_isDisposed)
            {
                throw new DialException(DialFailure.Stopping);
            }

            if (Context.Connections >= _options.MaxConnections || !TryFind(agent, out var peer) || peer.Dials >= _options.MaxWaitingDials)
            {
                throw new DialException(DialFailure.Busy);
            }

            peer.Dials++;
            if (!peer.IsUp)
            {
                waiter = new(_options.DialsRunInline ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously);
                peer.Await(waiter);
            }

            Schedule(peer);
            Serve();
            return peer;
        }
    }

    private void EndDial(TailnetPeer peer, TaskCompletionSource<DialFailure?>? waiter)
    {
        lock (Context.Gate)
        {
            peer.Dials--;
            if (waiter is not null)
            {
                peer.StopAwaiting(waiter);
            }

            Schedule(peer);
            Serve();
        }
    }

    private bool TryFind(Guid agent, [NotNullWhen(true)] out TailnetPeer? peer)
    {
        if (_agents.TryGetValue(agent, out peer))
        {
            return true;
        }

        if (_agents.Count >= _options.MaxAgents)
        {
            var now = Context.Now;
            if (_agents.Values.Where(known => known.IsQuiet(now)).MinBy(static known => known.IdleSince) is not { } quietest)
            {
                return false;
            }

            Forget(quietest);
        }

        peer = new TailnetPeer(this, agent);
        _agents.Add(agent, peer);
        Output.ConnectHome();
        _tunnels.Add(agent);
        return true;
    }

    private void Forget(TailnetPeer peer)
    {
        peer.Forget(TcpCloseReason.AgentGone, tellPeer: false);
        _agents.Remove(peer.Agent);
        _deadlines.Remove(peer);
        _tunnels.Remove(peer.Agent);
    }
}
