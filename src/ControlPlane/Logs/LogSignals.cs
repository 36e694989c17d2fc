using ControlPlane.Storage;

namespace ControlPlane.Logs;

/// <summary>Wakes the followers of an agent, by its id, when lines of the agent were stored.</summary>
internal sealed class LogSignals(ChangeNotices notices) : Signals(notices, "log");
