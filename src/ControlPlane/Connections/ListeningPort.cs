namespace ControlPlane.Connections;

/// <summary>A port on which a program on the agent's machine listens (tailnet.md §1.3-24).</summary>
/// <param name="ProcessName">The command's name; empty if the agent's user may not read it.</param>
/// <param name="Network">Always <c>tcp</c>.</param>
/// <param name="Port">The port: 1 to 65,535.</param>
public sealed record ListeningPort(string ProcessName, string Network, int Port);
