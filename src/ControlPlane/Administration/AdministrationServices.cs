using ControlPlane.Http;

namespace ControlPlane.Administration;

/// <summary>The services of one API server that the administration's routes call.</summary>
internal sealed record AdministrationServices(
    UserAdministration Users,
    TokenAdministration Tokens,
    WorkspaceAdministration Workspaces,
    AgentAdministration Agents,
    ExternalAuthAdministration ExternalAuth,
    InstanceAdministration Instances,
    ControlPlaneOptions Options,
    ErrorBoundary Boundary);
