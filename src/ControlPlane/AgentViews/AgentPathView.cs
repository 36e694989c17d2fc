using System.Text.Json.Serialization;
using Tailnet.Peer;

namespace ControlPlane.AgentViews;

/// <summary>This server's path to an agent over the tailnet. Coder's server does not have it.</summary>
/// <param name="HomeRegion">The id of the DERP region through which the agent is reached; omitted while it is not known.</param>
/// <param name="LastHandshakeAt">The time of the last WireGuard handshake; omitted before it.</param>
/// <param name="LatencyMs">The last measured round trip inside the tunnel, in milliseconds; omitted before it.</param>
internal sealed record AgentPathView(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? HomeRegion,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DateTimeOffset? LastHandshakeAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? LatencyMs)
{
    /// <summary>The view of a path; null when nothing of it is known.</summary>
    public static AgentPathView? Of(AgentPath? path) => path is null or { HomeRegion: null, LastHandshake: null, RoundTrip: null }
        ? null
        : new AgentPathView(
            path.HomeRegion,
            path.LastHandshake,
            path.RoundTrip is { } latency ? Math.Round(latency.TotalMilliseconds, 3) : null);
}
