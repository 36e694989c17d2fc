using System.Net.WebSockets;
using ControlPlane.Access;
using ControlPlane.Agents;
using ControlPlane.Http;
using ControlPlane.Users;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Tailnet.Services;

namespace ControlPlane.Coordination;

/// <summary>
/// <c>GET /derp-map</c> (tailnet.md §4), for users and agents: sends the map at once, and again after each change, as binary messages.
/// </summary>
internal sealed class DerpMapApi(
    DerpMapPublisher derpMaps,
    UserAuthentication users,
    AgentAuthentication agents,
    ControlPlaneOptions options,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    ILogger<DerpMapApi> logger)
{
    /// <summary>Authenticates an agent if the token is a UUID, else a user.</summary>
    public Task GetAsync(HttpContext context) => GoUuid.TryParse(RequestToken.Find(context.Request), out _)
        ? agents.Agent((inner, _) => ServeAsync(inner))(context)
        : users.Session((inner, _) => ServeAsync(inner))(context);

    private async Task ServeAsync(HttpContext context)
    {
        if (await WebSocketUpgrade.AcceptAsync(context, options, pongTimeout: options.DerpMapPongTimeout) is not { } socket)
        {
            return;
        }

        using (socket)
        {
            var stream = new WriteOnlySocket(socket, options, time, logger, WebSocketMessageType.Binary);
            await stream.RunAsync(
                async (send, stop) =>
                {
                    await foreach (var map in derpMaps.WatchAsync(stop))
                    {
                        await send(DerpMapJson.Write(map));
                    }
                },
                lifetime.ApplicationStopping);
        }
    }
}
