using ControlPlane.Storage;

namespace ControlPlane.Coordination;

/// <summary>
/// Wakes those who watch a user's workspaces, by the user's id, when one has changed, or an agent in one: it was made, renamed or
/// removed.
/// </summary>
internal sealed class WorkspaceSignals(ChangeNotices notices) : Signals(notices, "workspace");
