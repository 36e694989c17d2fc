namespace ControlPlane.Declarations;

/// <summary>A script that an agent runs.</summary>
internal sealed record AgentScript
{
    public required Guid Id { get; init; }

    public Guid LogSourceId { get; init; }

    public string LogPath { get; init; } = "";

    public string Script { get; init; } = "";

    public string Cron { get; init; } = "";

    public bool RunOnStart { get; init; }

    public bool RunOnStop { get; init; }

    public bool StartBlocksLogin { get; init; }

    /// <summary>How long a run may take; zero: as long as it likes.</summary>
    public TimeSpan Timeout { get; init; }

    public string DisplayName { get; init; } = "";

    /// <summary>How the latest run at start ended; null before it has.</summary>
    public AgentScriptRun? StartRun { get; init; }
}

/// <summary>
/// How a run of a script ended. The stage is <c>start</c>, <c>stop</c> or <c>cron</c>, the status <c>ok</c>, <c>exit_failure</c>,
/// <c>timed_out</c> or <c>pipes_left_open</c>.
/// </summary>
internal sealed record AgentScriptRun(string Stage, DateTimeOffset StartedAt, DateTimeOffset EndedAt, int ExitCode, string Status);
