using ControlPlane.Http;

namespace ControlPlane.Coordination;

/// <summary>
/// Wakes those who watch a user's workspaces, by the user's id, when this process has changed one, or an agent in one: made, renamed or
/// removed it.
/// </summary>
internal sealed class WorkspaceSignals : Signals;
