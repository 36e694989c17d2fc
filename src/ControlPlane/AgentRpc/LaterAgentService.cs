using Google.Protobuf;
using Tailnet.AgentMessages;
using Tailnet.Drpc;

namespace ControlPlane.AgentRpc;

/// <summary>
/// Serves the rpcs that later versions added to <c>coder.agent.v2.Agent</c>: resources (2.4), sub-agents (2.6), boundary logs (2.7) and
/// context (2.10).
/// </summary>
internal sealed class LaterAgentService(ResourcesRpc resources, SubAgentsRpc subAgents, BoundaryCounter boundary, ContextRpc context)
{
    private const string Prefix = "/coder.agent.v2.Agent/";

    /// <summary>Adds the rpcs for one agent.</summary>
    public DrpcRouter AddTo(DrpcRouter router, Guid agent)
    {
        Add(
            router,
            "GetResourcesMonitoringConfiguration",
            GetResourcesMonitoringConfigurationRequest.Parser,
            (_, _) => resources.GetConfigurationAsync(agent));
        Add(
            router,
            "PushResourcesMonitoringUsage",
            PushResourcesMonitoringUsageRequest.Parser,
            (request, cancellation) => resources.PushAsync(agent, request, cancellation));
        Add(
            router,
            "CreateSubAgent",
            CreateSubAgentRequest.Parser,
            (request, cancellation) => subAgents.CreateAsync(agent, request, cancellation));
        Add(
            router,
            "DeleteSubAgent",
            DeleteSubAgentRequest.Parser,
            (request, cancellation) => subAgents.DeleteAsync(agent, request, cancellation));
        Add(router, "ListSubAgents", ListSubAgentsRequest.Parser, (_, _) => subAgents.ListAsync(agent));
        Add(router, "ReportBoundaryLogs", ReportBoundaryLogsRequest.Parser, (request, _) => ValueTask.FromResult(boundary.Count(request)));
        Add(
            router,
            "PushContextState",
            PushContextStateRequest.Parser,
            (request, cancellation) => context.PushAsync(agent, request, cancellation));
        return router;
    }

    private static void Add<TRequest, TResponse>(
        DrpcRouter router, string name, MessageParser<TRequest> parser, Func<TRequest, CancellationToken, ValueTask<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> => router.AddUnary(Prefix + name, parser, handler);
}
