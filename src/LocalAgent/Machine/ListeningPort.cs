namespace LocalAgent.Machine;

/// <summary>A TCP port on which a process of the machine listens.</summary>
/// <param name="ProcessName">The command's name; empty when this user may not see it.</param>
/// <param name="Network">Always <c>tcp</c>.</param>
/// <param name="Port">1 to 65,535.</param>
internal sealed record ListeningPort(string ProcessName, string Network, int Port);
