namespace ControlPlane.Declarations;

/// <summary>The declarations of an agent, in the order in which they were declared.</summary>
internal sealed record AgentDeclarations
{
    public IReadOnlyList<AgentApp> Apps { get; init; } = [];

    public IReadOnlyList<AgentScript> Scripts { get; init; } = [];

    public IReadOnlyList<AgentDevcontainer> Devcontainers { get; init; } = [];

    public IReadOnlyList<MetadataDescription> Metadata { get; init; } = [];

    public IReadOnlyList<DeclaredMonitor> Monitors { get; init; } = [];
}

/// <summary>A development container of an agent.</summary>
/// <param name="Id">The id.</param>
/// <param name="Name">The name.</param>
/// <param name="WorkspaceFolder">The workspace folder on the agent's machine.</param>
/// <param name="ConfigPath">The path of devcontainer.json; empty: the default paths of the Dev Container tools.</param>
/// <param name="SubagentId">The sub-agent in the container; null for none.</param>
internal sealed record AgentDevcontainer(Guid Id, string Name, string WorkspaceFolder, string ConfigPath, Guid? SubagentId);

/// <summary>A metadata value that an agent collects with a script.</summary>
/// <param name="Key">The unique key.</param>
/// <param name="DisplayName">The display name.</param>
/// <param name="Script">The script that prints the value.</param>
/// <param name="Interval">The seconds between two runs.</param>
/// <param name="Timeout">The timeout of a run, in seconds; 0: the interval.</param>
internal sealed record MetadataDescription(string Key, string DisplayName, string Script, long Interval, long Timeout);

/// <summary>
/// A resource monitor of an agent: of the memory, with an empty path, or of a volume. The server logs a usage above the threshold, in
/// percent.
/// </summary>
internal sealed record DeclaredMonitor(string Path, bool Enabled, int Threshold);
