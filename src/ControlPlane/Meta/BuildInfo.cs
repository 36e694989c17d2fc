using System.Text.Json.Serialization;

namespace ControlPlane.Meta;

/// <summary>What <c>GET /buildinfo</c> says. What this deployment has no value for is left out.</summary>
/// <param name="ExternalUrl">A page about this build; left out when there is none.</param>
/// <param name="Version">The server's version, with a <c>v</c>.</param>
/// <param name="DashboardUrl">The server's address for users; left out when it is not known.</param>
/// <param name="Telemetry">Whether the server reports of itself: always false.</param>
/// <param name="WorkspaceProxy">Whether it is only a proxy: always false.</param>
/// <param name="AgentApiVersion">The newest version of the agent API that it speaks.</param>
/// <param name="DeploymentId">The id of the deployment, the same after restarts and on all its servers.</param>
internal sealed record BuildInfo(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ExternalUrl,
    string Version,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? DashboardUrl,
    bool Telemetry,
    bool WorkspaceProxy,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? AgentApiVersion,
    string DeploymentId);
