using ControlPlane.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Connections;

/// <summary>Finds connections to agents, calls agents over them, and answers the client when an agent cannot be reached.</summary>
internal sealed class AgentReach(ControlPlaneOptions options, TimeProvider time)
{
    private const string Elsewhere = "The agent is connected from another machine, which this API server cannot reach yet.";

    /// <summary>
    /// The connection to an agent; null for none. The local agent serves only the agent of the first start: other agents may belong to
    /// other users, who must not get a shell on this machine.
    /// </summary>
    public IAgentConnection? Find(Agent agent) => options.LocalAgent is { } local && agent.IsOfFirstStart ? local : null;

    /// <summary>The agent's status for clients. The local agent, which starts on demand, counts as connected.</summary>
    public string StatusOf(Agent agent)
    {
        var status = AgentStatus.Of(agent, time.GetUtcNow(), options.AgentInactiveTimeout);
        return status != AgentStatus.Connected && Find(agent) is not null ? AgentStatus.Connected : status;
    }

    /// <summary>The error for an agent that is not connected; null for a connected one.</summary>
    public string? NotConnectedError(Agent agent) => StatusOf(agent) is var status && status == AgentStatus.Connected
        ? null
        : $"Agent state is \"{status}\", it must be in the \"connected\" state.";

    /// <summary>The error for an agent that this server cannot reach; null for one that it can.</summary>
    public string? UnreachableError(Agent agent) => NotConnectedError(agent) is { } state
        ? agent.IsOfFirstStart && options.LocalAgent is null
            ? $"{state} It is the local agent of an API server, and this one has none (ControlPlane:LocalAgent is off)."
            : state
        : Find(agent) is null ? Elsewhere : null;

    /// <summary>Calls the agent with a timeout, and answers a failed call with an error (tailnet.md §1.3-21, -22, -24).</summary>
    /// <param name="context">The request.</param>
    /// <param name="agent">The agent to call.</param>
    /// <param name="what">The requested data, as in "Failed to fetch … from agent."</param>
    /// <param name="call">Calls the agent, and answers the request.</param>
    public async Task CallAsync(HttpContext context, Agent agent, string what, Func<IAgentConnection, CancellationToken, Task> call)
    {
        if (NotConnectedError(agent) is { } error)
        {
            await context.WriteAsync(StatusCodes.Status400BadRequest, new ApiError(error));
            return;
        }

        if (Find(agent) is not { } connection)
        {
            await context.WriteAsync(StatusCodes.Status502BadGateway, Unreachable(Elsewhere));
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
            await (exception.Status is { } status
                ? context.WriteAsync(status, new ApiError(exception.Message, exception.Detail))
                : context.WriteAsync(StatusCodes.Status502BadGateway, Unreachable(exception.Message)));
        }
    }

    private static ApiError Unreachable(string detail) => new("Internal error dialing workspace agent.", detail);
}
