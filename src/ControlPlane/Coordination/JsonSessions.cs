using System.IO.Pipelines;
using System.Net.WebSockets;
using ControlPlane.Access;
using ControlPlane.Agents;
using ControlPlane.Connections;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Tailnet.Coordination;
using Tailnet.Json;

namespace ControlPlane.Coordination;

/// <summary>
/// Serves version 1 of coordination, with JSON messages: <c>GET me/coordinate</c>, and <c>GET {id}/coordinate</c> without a version or with
/// 1.0 (tailnet.md §3.1). Its peers share the coordinator with the peers of version 2.
/// </summary>
internal sealed class JsonSessions(
    ICoordinator coordinator,
    AgentMonitor monitor,
    ControlPlaneOptions options,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    ILogger<JsonSessions> logger)
{
    private readonly JsonCoordination _coordination = new(coordinator, logger: logger);

    /// <summary>Serves a client of the agent in the URL.</summary>
    public Task ServeClientAsync(HttpContext context, Agent agent) => ServeAsync(
        context, stream => _coordination.ServeClientAsync(stream, Secrets.NewUuid(), agent.Id));

    /// <summary>Serves an agent, which counts as connected while its WebSocket is open.</summary>
    public async Task ServeAgentAsync(HttpContext context, Agent agent)
    {
        // Coder's server never had a later version on this path: agents of version 2 use me/rpc.
        var requested = ApiVersion.Requested(context, ApiVersion.Json);
        if (requested != ApiVersion.Json)
        {
            await context.WriteAsync(
                StatusCodes.Status400BadRequest,
                new ApiError(
                    "Unknown or unsupported API version",
                    null,
                    [new ApiValidation("version", $"version {requested} is served at me/rpc")]));
            return;
        }

        await ServeAsync(
            context,
            stream => _coordination.ServeAgentAsync(stream, agent.Id),

            // The WebSocket's keep-alive pings the agent, so an open WebSocket means that the agent has answered.
            (close, ended) => monitor.RunAsync(agent.Id, static _ => Task.CompletedTask, close, ended));
    }

    private async Task ServeAsync(
        HttpContext context,
        Func<IDuplexPipe, Task<(JsonEnd End, string Reason)>> serve,
        Func<Action, CancellationToken, Task>? watch = null)
    {
        if (await WebSocketUpgrade.AcceptAsync(context, options) is not { } socket)
        {
            return;
        }

        using (socket)
        {
            var pipe = new SocketPipe(socket, options, time);
            using var ended = new CancellationTokenSource();
            var serving = serve(pipe);
            var watching = watch?.Invoke(pipe.Input.CancelPendingRead, ended.Token) ?? Task.CompletedTask;
            var (end, reason) = await serving;
            await ended.CancelAsync();
            await watching;
            if (lifetime.ApplicationStopping.IsCancellationRequested)
            {
                await pipe.FinishAsync(WebSocketCloseStatus.EndpointUnavailable, "server is shutting down");
            }
            else
            {
                await pipe.FinishAsync(StatusOf(end), reason);
            }
        }
    }

    /// <summary>The close status of Coder's servers of that version: 1011 with the error, even for a fault of the peer.</summary>
    private static WebSocketCloseStatus StatusOf(JsonEnd end) => end switch
    {
        JsonEnd.NotANode => WebSocketCloseStatus.InternalServerError,
        JsonEnd.TooLarge => WebSocketCloseStatus.MessageTooBig,
        JsonEnd.Refused => WebSocketCloseStatus.PolicyViolation,
        _ => WebSocketCloseStatus.NormalClosure,
    };
}
