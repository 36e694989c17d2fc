using ControlPlane.Http;

namespace ControlPlane.Administration;

/// <summary>What the routes of the administration call, of one API server.</summary>
internal sealed record AdministrationServices(
    UserAdministration Users,
    TokenAdministration Tokens,
    WorkspaceAdministration Workspaces,
    AgentAdministration Agents,
    ExternalAuthAdministration ExternalAuth,
    InstanceAdministration Instances,
    ControlPlaneOptions Options,
    ErrorBoundary Boundary);
