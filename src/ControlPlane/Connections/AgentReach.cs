using ControlPlane.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Connections;

/// <summary>Which agents this server can ask something, and the answers to clients when it cannot.</summary>
internal sealed class AgentReach(ControlPlaneOptions options, TimeProvider time)
{
    private const string Elsewhere = "The agent is connected from another machine, which this API server cannot reach yet.";

    /// <summary>
    /// How to ask the agent; null when there is no way. The local agent stands for the agent of the first start alone: others may be other
    /// users', and a shell on this machine is not theirs.
    /// </summary>
    public IAgentConnection? Find(Agent agent) => options.LocalAgent is { } local && agent.IsOfFirstStart ? local : null;

    /// <summary>The agent's state as clients are told: one that is started when it is asked something counts as connected.</summary>
    public string StatusOf(Agent agent)
    {
        var status = AgentStatus.Of(agent, time.GetUtcNow(), options.AgentInactiveTimeout);
        return status != AgentStatus.Connected && Find(agent) is not null ? AgentStatus.Connected : status;
    }

    /// <summary>Why the agent cannot be asked anything: its state; null when it is connected.</summary>
    public string? ObstacleOf(Agent agent) => StatusOf(agent) is var status && status == AgentStatus.Connected
        ? null
        : $"Agent state is \"{status}\", it must be in the \"connected\" state.";

    /// <summary>Why the agent cannot be asked anything, and where it is instead; null when it can.</summary>
    public string? WhyNot(Agent agent) => ObstacleOf(agent) is { } state
        ? agent.IsOfFirstStart && options.LocalAgent is null
            ? $"{state} It is the local agent of an API server, and this one has none (ControlPlane:LocalAgent is off)."
            : state
        : Find(agent) is null ? Elsewhere : null;

    /// <summary>Asks the agent within the time for it, and answers what fails (tailnet.md §1.3-21, -22, -24).</summary>
    /// <param name="context">The request.</param>
    /// <param name="agent">Whom to ask.</param>
    /// <param name="what">What is asked for, as in "Failed to fetch … from agent."</param>
    /// <param name="call">Asks, and answers the request.</param>
    public async Task CallAsync(HttpContext context, Agent agent, string what, Func<IAgentConnection, CancellationToken, Task> call)
    {
        if (ObstacleOf(agent) is { } obstacle)
        {
            await context.WriteAsync(StatusCodes.Status400BadRequest, new ApiError(obstacle));
            return;
        }

        if (Find(agent) is not { } connection)
        {
            await context.WriteAsync(StatusCodes.Status502BadGateway, Unreachable(Elsewhere));
            return;
        }

        using var limit = new CancellationTokenSource(options.AgentCallTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, context.RequestAborted);
        try
        {
            await call(connection, either.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted)
        {
            await context.WriteAsync(StatusCodes.Status408RequestTimeout, new ApiError($"Failed to fetch {what} from agent.", "Request timed out."));
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
