using Tailnet.Ip.Tcp;
using Tailnet.Peer;

namespace ControlPlane.Connections.Agents;

/// <summary>The agent's own TCP ports on the tailnet (tailnet-node.md §7). The caller has checked that its user owns the agent.</summary>
/// <param name="dialer">The tailnet node of this server.</param>
/// <param name="agent">The agent's id.</param>
/// <param name="timeout">The time-out of a dial.</param>
internal sealed class AgentPorts(IAgentDialer dialer, Guid agent, TimeSpan timeout)
{
    /// <summary>The port of terminals.</summary>
    public const ushort Terminal = 2;

    /// <summary>The port of the HTTP API.</summary>
    public const ushort Http = 4;

    private const string Lost = "agent lost";

    /// <summary>Connects to a port of the agent.</summary>
    /// <exception cref="AgentConnectionException">
    /// The dial failed or was cancelled. A cancelled dial counts as one that timed out: the caller's time limit is no longer than the
    /// dial's, so that either may end first.
    /// </exception>
    public async Task<AgentStream> DialAsync(ushort port, CancellationToken cancellationToken)
    {
        try
        {
            return await dialer.DialAsync(agent, port, timeout, cancellationToken);
        }
        catch (DialException exception)
        {
            throw new AgentConnectionException(exception);
        }
        catch (OperationCanceledException)
        {
            throw new AgentConnectionException(new DialException(DialFailure.NotReachable));
        }
    }

    /// <summary>The error for a stream that has failed with this exception.</summary>
    public static AgentConnectionException LostBy(Exception exception)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            if (cause is TcpException { Reason: var reason })
            {
                return new AgentConnectionException(
                    reason switch
                    {
                        TcpCloseReason.AgentRestarted => "agent restarted",
                        TcpCloseReason.Stopping => "the server stops",
                        _ => Lost,
                    },
                    exception);
            }
        }

        return new AgentConnectionException(Lost, exception);
    }
}
