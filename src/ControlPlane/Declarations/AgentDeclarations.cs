namespace ControlPlane.Declarations;

/// <summary>What an agent is declared to have, in the order in which it was declared.</summary>
internal sealed record AgentDeclarations
{
    public IReadOnlyList<AgentApp> Apps { get; init; } = [];

    public IReadOnlyList<AgentScript> Scripts { get; init; } = [];

    public IReadOnlyList<AgentDevcontainer> Devcontainers { get; init; } = [];

    public IReadOnlyList<MetadataDescription> Metadata { get; init; } = [];

    public IReadOnlyList<DeclaredMonitor> Monitors { get; init; } = [];
}

/// <summary>A development container of an agent. An empty configuration path: where the tools look for it. The agent inside it is null before there is one.</summary>
internal sealed record AgentDevcontainer(Guid Id, string Name, string WorkspaceFolder, string ConfigPath, Guid? SubagentId);

/// <summary>A value that an agent collects by a script: each so many seconds, and in no more than so many (0: the interval).</summary>
/// <param name="Key">The value's key, one of a kind.</param>
/// <param name="DisplayName">What people call it.</param>
/// <param name="Script">What prints the value.</param>
/// <param name="Interval">Seconds between two runs.</param>
/// <param name="Timeout">Seconds that a run may take; 0: the interval.</param>
internal sealed record MetadataDescription(string Key, string DisplayName, string Script, long Interval, long Timeout);

/// <summary>What of an agent's machine is watched: its memory (the path is empty) or a volume; over its threshold, in percent, the log says so.</summary>
internal sealed record DeclaredMonitor(string Path, bool Enabled, int Threshold);
