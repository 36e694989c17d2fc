using ControlPlane.Declarations;
using ControlPlane.Storage;

namespace ControlPlane.Scripts;

/// <summary>Stores the results of agents' scripts.</summary>
internal sealed class ScriptReports(Database database)
{
    /// <summary>Stores the result as the latest of its stage. False when the agent has no such script.</summary>
    public Task<bool> AddAsync(Guid agentId, Guid scriptId, AgentScriptRun run, CancellationToken cancellationToken) => database.WriteAsync(
        connection => connection.Execute(
            """
            INSERT INTO agent_script_runs (script_id, stage, started_at, ended_at, exit_code, status)
            SELECT id, @stage, @started, @ended, @exit_code, @status FROM agent_scripts WHERE id = @script AND agent_id = @agent
            ON CONFLICT (script_id, stage) DO UPDATE SET
                started_at = excluded.started_at, ended_at = excluded.ended_at, exit_code = excluded.exit_code, status = excluded.status
            """,
            ("@agent", agentId),
            ("@script", scriptId),
            ("@stage", run.Stage),
            ("@started", run.StartedAt),
            ("@ended", run.EndedAt),
            ("@exit_code", (long)run.ExitCode),
            ("@status", run.Status)) == 1,
        cancellationToken);
}
