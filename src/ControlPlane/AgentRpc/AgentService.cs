using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Tailnet.AgentMessages;
using Tailnet.Drpc;

namespace ControlPlane.AgentRpc;

/// <summary>
/// Serves the rpcs of <c>coder.agent.v2.Agent</c> for the manifest, the state, reports and logs. <see cref="LaterAgentService"/> serves the
/// others.
/// </summary>
internal sealed class AgentService(ManifestRpc manifest, StateRpc state, ReportsRpc reports, LogsRpc logs)
{
    private const string Prefix = "/coder.agent.v2.Agent/";

    /// <summary>Adds the rpcs for one agent.</summary>
    /// <param name="router">The session's router.</param>
    /// <param name="agent">The agent's id.</param>
    /// <param name="apiVersion">The API version that the agent requested.</param>
    public DrpcRouter AddTo(DrpcRouter router, Guid agent, string apiVersion)
    {
        Add(router, "GetManifest", GetManifestRequest.Parser, (_, _) => manifest.GetAsync(agent));
        Add(router, "GetServiceBanner", GetServiceBannerRequest.Parser, static (_, _) => ValueTask.FromResult(new ServiceBanner()));
        Add(
            router,
            "GetAnnouncementBanners",
            GetAnnouncementBannersRequest.Parser,
            static (_, _) => ValueTask.FromResult(new GetAnnouncementBannersResponse()));
        Add(
            router,
            "UpdateLifecycle",
            UpdateLifecycleRequest.Parser,
            (request, cancellation) => state.UpdateLifecycleAsync(agent, request, cancellation));
        Add(
            router,
            "UpdateStartup",
            UpdateStartupRequest.Parser,
            (request, cancellation) => state.UpdateStartupAsync(agent, apiVersion, request, cancellation));
        Add(
            router,
            "BatchUpdateAppHealths",
            BatchUpdateAppHealthRequest.Parser,
            (request, cancellation) => reports.UpdateAppHealthsAsync(agent, request, cancellation));
        Add(
            router,
            "UpdateAppStatus",
            UpdateAppStatusRequest.Parser,
            (request, cancellation) => reports.UpdateAppStatusAsync(agent, request, cancellation));
        Add(
            router,
            "BatchUpdateMetadata",
            BatchUpdateMetadataRequest.Parser,
            (request, cancellation) => reports.UpdateMetadataAsync(agent, request, cancellation));
        Add(router, "UpdateStats", UpdateStatsRequest.Parser, (request, _) => reports.UpdateStats(agent, request));
        Add(
            router,
            "ScriptCompleted",
            WorkspaceAgentScriptCompletedRequest.Parser,
            (request, cancellation) => reports.ScriptCompletedAsync(agent, request, cancellation));
        Add<ReportConnectionRequest, Empty>(
            router,
            "ReportConnection",
            ReportConnectionRequest.Parser,
            (request, cancellation) => reports.ReportConnectionAsync(agent, request, cancellation));
        Add(
            router,
            "BatchCreateLogs",
            BatchCreateLogsRequest.Parser,
            (request, cancellation) => logs.CreateAsync(agent, request, cancellation));
        return router;
    }

    private static void Add<TRequest, TResponse>(
        DrpcRouter router, string name, MessageParser<TRequest> parser, Func<TRequest, CancellationToken, ValueTask<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> => router.AddUnary(Prefix + name, parser, handler);
}
