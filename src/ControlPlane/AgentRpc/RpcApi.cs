using ControlPlane.Access;
using ControlPlane.Agents;
using ControlPlane.Connections;
using ControlPlane.Coordination;
using Microsoft.AspNetCore.Http;
using Tailnet.Coordination;
using Tailnet.Drpc;
using Tailnet.Services;

namespace ControlPlane.AgentRpc;

/// <summary><c>GET me/rpc</c>: the agent and tailnet services on one session (tailnet.md §5).</summary>
internal sealed class RpcApi(
    TailnetSessions sessions,
    AgentService service,
    LaterAgentService later,
    AgentMonitor monitor,
    AgentLatencies latencies,
    TelemetryCounter telemetry,
    ControlPlaneOptions options)
{
    private const string FirstVersion = "2.0";

    public async Task ServeAsync(HttpContext context, Agent agent)
    {
        if (await ApiVersion.RequireAsync(context, FirstVersion) is not { } version)
        {
            return;
        }

        // Only the agent itself counts as its connection, not other clients of this path such as log shippers.
        var monitored = context.Request.Query["role"].ToString() is "" or "agent";

        // The yamux session has keep-alives of its own.
        if (await WebSocketUpgrade.AcceptAsync(context, options, ping: false) is not { } socket)
        {
            return;
        }

        using (socket)
        {
            await sessions.RunAsync(
                context,
                socket,
                new TailnetCaller(agent.Id, CoordinateeAuth.Agent(agent.Id)),
                parts => parts with { Coordinator = latencies.Observe(parts.Coordinator), Telemetry = telemetry },
                service.AddTo(later.AddTo(new DrpcRouter(), agent.Id), agent.Id, version),
                monitored ? (session, ended) => monitor.RunAsync(agent.Id, session, ended) : null);
        }
    }
}
