using System.Text.Json.Serialization;

namespace ControlPlane.Meta;

/// <summary>What <c>GET /buildinfo</c> says. What this deployment has no value for is left out.</summary>
internal sealed record BuildInfo(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ExternalUrl,
    string Version,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? DashboardUrl,
    bool Telemetry,
    bool WorkspaceProxy,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? AgentApiVersion,
    string DeploymentId);
