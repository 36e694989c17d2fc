namespace ControlPlane.Connections;

/// <summary>A port that something on the agent's machine listens on (tailnet.md §1.3-24).</summary>
/// <param name="ProcessName">The command's name; empty when this user may not know it.</param>
/// <param name="Network">Always <c>tcp</c>.</param>
/// <param name="Port">1 to 65,535.</param>
public sealed record ListeningPort(string ProcessName, string Network, int Port);
