using System.Text.Json.Serialization;

namespace ControlPlane.Meta;

/// <summary>The response of <c>GET /buildinfo</c>. Values that this deployment does not have are omitted.</summary>
/// <param name="ExternalUrl">The URL of a page about this build. Omitted when there is none.</param>
/// <param name="Version">The server's version, such as v1.2.3.</param>
/// <param name="DashboardUrl">The server's public URL. Omitted when it is not configured.</param>
/// <param name="Telemetry">Whether the server sends telemetry to its maker: always false.</param>
/// <param name="WorkspaceProxy">Whether the server is a workspace proxy: always false.</param>
/// <param name="AgentApiVersion">The newest version of the agent API that the server supports.</param>
/// <param name="DeploymentId">The id of the deployment. It survives restarts, and all servers on one database have the same.</param>
internal sealed record BuildInfo(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ExternalUrl,
    string Version,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? DashboardUrl,
    bool Telemetry,
    bool WorkspaceProxy,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? AgentApiVersion,
    string DeploymentId);
