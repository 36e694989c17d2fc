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

    /// <summary>The timeout of a run; zero: none.</summary>
    public TimeSpan Timeout { get; init; }

    public string DisplayName { get; init; } = "";

    /// <summary>The result of the latest run at start; null before the first.</summary>
    public AgentScriptRun? StartRun { get; init; }
}

/// <summary>
/// The result of a script's run. The stage is <c>start</c>, <c>stop</c> or <c>cron</c>. The status is <c>ok</c>, <c>exit_failure</c>,
/// <c>timed_out</c> or <c>pipes_left_open</c>.
/// </summary>
internal sealed record AgentScriptRun(string Stage, DateTimeOffset StartedAt, DateTimeOffset EndedAt, int ExitCode, string Status);
