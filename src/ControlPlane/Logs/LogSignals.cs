using ControlPlane.Storage;

namespace ControlPlane.Logs;

/// <summary>Wakes the followers of an agent, by its id, when lines of it were stored by this process.</summary>
internal sealed class LogSignals : KeyedSignals;
