using ControlPlane.Access;
using ControlPlane.Agents;
using ControlPlane.Http;
using ControlPlane.Users;
using Microsoft.AspNetCore.Http;
using Tailnet.Coordination;
using Tailnet.Services;

namespace ControlPlane.Coordination;

/// <summary>Coordination for clients: <c>GET {id}/coordinate</c> and <c>GET /tailnet</c> (tailnet.md §1.3-2, -23).</summary>
internal sealed class CoordinateApi(
    TailnetSessions sessions,
    JsonSessions jsonSessions,
    ResumeTokenKeys keys,
    TelemetryCounter telemetry,
    WorkspaceWatch workspaces,
    AgentStore agents,
    ControlPlaneOptions options)
{
    private const string FirstRpcVersion = "2.0";

    /// <summary>Serves a client of the agent in the URL.</summary>
    public Task CoordinateAsync(HttpContext context, Agent agent) => ApiVersion.Requested(context, ApiVersion.Json) == ApiVersion.Json
        ? jsonSessions.ServeClientAsync(context, agent)
        : ServeAsync(context, ApiVersion.Json, peer => new TailnetCaller(peer, CoordinateeAuth.Client(agent.Id)));

    /// <summary>Serves a client of all the user's agents.</summary>
    public Task TailnetAsync(HttpContext context, User user) => ServeAsync(
        context,
        FirstRpcVersion,
        peer => new TailnetCaller(
            peer,
            CoordinateeAuth.User(async (agent, _) => await agents.FindOwnedAsync(agent, user.Id) is not null),
            user.Id));

    private async Task ServeAsync(HttpContext context, string versionIfMissing, Func<Guid, TailnetCaller> callerOf)
    {
        if (await ApiVersion.RequireAsync(context, versionIfMissing) is null)
        {
            return;
        }

        var peer = Guid.Empty;
        var status = ResumeTokenStatus.Foreign;
        if (context.Request.Query["resume_token"] is [{ Length: > 0 } token, ..])
        {
            (status, peer) = await keys.VerifyAsync(token, context.RequestAborted);
        }

        if (status == ResumeTokenStatus.Invalid)
        {
            await context.WriteAsync(
                StatusCodes.Status401Unauthorized,
                new ApiError(
                    "Invalid resume token",
                    null,
                    [new ApiValidation("resume_token", "The token is malformed or expired, or another deployment issued it.")]));
            return;
        }

        if (await WebSocketUpgrade.AcceptAsync(context, options) is not { } socket)
        {
            return;
        }

        using (socket)
        {
            var caller = callerOf(peer == Guid.Empty ? Secrets.NewUuid() : peer);
            await sessions.RunAsync(
                context,
                socket,
                caller,
                parts => parts with { ResumeTokens = keys, Telemetry = telemetry, Workspaces = caller.UserId is null ? null : workspaces });
        }
    }
}
