using ControlPlane.Agents;
using ControlPlane.Connections.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Tailnet.Peer;

namespace ControlPlane.Connections;

/// <summary>Finds connections to agents, calls agents over them, and answers the client when an agent cannot be reached.</summary>
internal sealed class AgentReach(ControlPlaneOptions options, TimeProvider time, IAgentDialer? dialer = null)
{
    /// <summary>
    /// The connection to an agent; null for none. An agent that is connected is reached over the tailnet, where this server has a tailnet
    /// node. Otherwise the local agent serves the agent of the first start, and no other one: other agents may belong to other users, who
    /// must not get a shell on this machine.
    /// </summary>
    public IAgentConnection? Find(Agent agent) => FindOnTailnet(agent) ?? LocalOf(agent);

    /// <summary>The connection to an agent over the tailnet; null when the agent is not connected, or this server has no node.</summary>
    public IAgentConnection? FindOnTailnet(Agent agent) => DialerFor(agent) is { } node
        ? new TailnetAgentConnection(new AgentPorts(node, agent.Id, options.AgentCallTimeout), options, time)
        : null;

    /// <summary>This server's tailnet node, if the agent itself is connected; null for the local agent, and without a node.</summary>
    public IAgentDialer? DialerFor(Agent agent) => OwnStatusOf(agent) == AgentStatus.Connected ? dialer : null;

    /// <summary>The agent's status for clients. The local agent, which starts on demand, counts as connected.</summary>
    public string StatusOf(Agent agent) => LocalOf(agent) is null ? OwnStatusOf(agent) : AgentStatus.Connected;

    /// <summary>This server's path to an agent over the tailnet; null without one.</summary>
    public AgentPath? PathOf(Agent agent) => dialer?.Find(agent.Id);

    /// <summary>The error for an agent that is not connected; null for a connected one.</summary>
    public string? NotConnectedError(Agent agent) => StatusOf(agent) is var status && status == AgentStatus.Connected
        ? null
        : $"Agent state is \"{status}\", it must be in the \"connected\" state.";

    /// <summary>The error for an agent that this server cannot reach, which <see cref="Find"/> did not find.</summary>
    public string UnreachableError(Agent agent) => NotConnectedError(agent) is { } state
        ? agent.IsOfFirstStart && options.LocalAgent is null
            ? $"{state} It is the local agent of an API server, and this one has none (ControlPlane:LocalAgent is off)."
            : state
        : AgentConnectionException.NoWay;

    /// <summary>Calls the agent with a timeout, and answers a failed call with an error (tailnet.md §1.3-21, -22, -24).</summary>
    /// <param name="context">The request.</param>
    /// <param name="agent">The agent to call.</param>
    /// <param name="what">The requested data, as in "Failed to fetch … from agent."</param>
    /// <param name="call">Calls the agent, and answers the request.</param>
    public async Task CallAsync(HttpContext context, Agent agent, string what, Func<IAgentConnection, CancellationToken, Task> call)
    {
        if (Find(agent) is not { } connection)
        {
            await (NotConnectedError(agent) is { } error
                ? context.WriteAsync(StatusCodes.Status400BadRequest, new ApiError(error))
                : context.WriteAsync(StatusCodes.Status502BadGateway, Unreachable(AgentConnectionException.NoWay)));
            return;
        }

        using var timeout = new CancellationTokenSource(options.AgentCallTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, context.RequestAborted);
        try
        {
            await call(connection, either.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested
            && !context.RequestAborted.IsCancellationRequested
            && !context.Response.HasStarted)
        {
            await context.WriteAsync(
                StatusCodes.Status408RequestTimeout, new ApiError($"Failed to fetch {what} from agent.", "Request timed out."));
        }
        catch (AgentConnectionException exception) when (!context.Response.HasStarted)
        {
            await AnswerAsync(context, exception);
        }
    }

    private static Task AnswerAsync(HttpContext context, AgentConnectionException exception)
    {
        if (exception.Status is { } status)
        {
            return context.WriteAsync(status, new ApiError(exception.Message, exception.Detail));
        }

        if (exception.Dial is DialFailure.Busy or DialFailure.Stopping)
        {
            context.Response.Headers.RetryAfter = "1";
            return context.WriteAsync(StatusCodes.Status503ServiceUnavailable, Unreachable(exception.Message));
        }

        return context.WriteAsync(StatusCodes.Status502BadGateway, Unreachable(exception.Message));
    }

    private static ApiError Unreachable(string detail) => new("Internal error dialing workspace agent.", detail);

    private string OwnStatusOf(Agent agent) => AgentStatus.Of(agent, time.GetUtcNow(), options.AgentInactiveTimeout);

    private IAgentConnection? LocalOf(Agent agent) => options.LocalAgent is { } local && agent.IsOfFirstStart ? local : null;
}
