using ControlPlane.Storage;

namespace ControlPlane.Coordination;

/// <summary>
/// Signals by the user's id that one of the user's workspaces, or an agent in it, was created, renamed or deleted.
/// </summary>
internal sealed class WorkspaceSignals(ChangeNotices notices) : Signals(notices, "workspace");
