using ControlPlane.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Dialing;

/// <summary><c>GET {id}/ping</c>: the round trip to an agent inside its tunnel.</summary>
internal sealed class PingApi(AgentDialing dialing, ControlPlaneOptions options)
{
    public async Task GetAsync(HttpContext context, Agent agent)
    {
        var view = await dialing.CallAsync(context, agent, async (dialer, cancellation) =>
        {
            var latency = await dialer.PingAsync(agent.Id, options.AgentCallTimeout, cancellation);
            var path = dialer.Find(agent.Id);
            return new PingView(Math.Round(latency.TotalMilliseconds, 3), path?.HomeRegion, path?.LastHandshake, path?.Connections ?? 0);
        });
        if (view is not null)
        {
            await context.WriteAsync(StatusCodes.Status200OK, view, DialingJson.Wire.PingView);
        }
    }
}

/// <summary>The response of <c>GET {id}/ping</c>.</summary>
/// <param name="LatencyMs">The round trip inside the tunnel, in milliseconds. The first ping includes the tunnel's start.</param>
/// <param name="HomeRegion">The id of the DERP region that carries the packets to the agent; null if unknown.</param>
/// <param name="LastHandshakeAt">The time of the tunnel's last WireGuard handshake; null if unknown.</param>
/// <param name="Connections">The number of this server's open TCP connections to the agent.</param>
internal sealed record PingView(double LatencyMs, int? HomeRegion, DateTimeOffset? LastHandshakeAt, int Connections);
