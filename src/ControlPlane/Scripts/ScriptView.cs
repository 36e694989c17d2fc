using System.Text.Json.Serialization;
using ControlPlane.Declarations;
using ControlPlane.Http;

namespace ControlPlane.Scripts;

/// <summary>The API's script of an agent (tailnet.md §1.3-19). The time-out is in nanoseconds; how the run at start ended comes once it has.</summary>
/// <param name="Id">The script's id.</param>
/// <param name="LogSourceId">The id of the log source of its output.</param>
/// <param name="LogPath">The file that its output goes to on the agent's machine.</param>
/// <param name="Script">Its text, or a command.</param>
/// <param name="Cron">When it runs by the clock, as a line of cron; empty: not.</param>
/// <param name="RunOnStart">Whether it runs when the agent starts.</param>
/// <param name="RunOnStop">Whether it runs when the agent stops.</param>
/// <param name="StartBlocksLogin">Whether logins wait for its run at start.</param>
/// <param name="Timeout">How many nanoseconds a run may take; 0: as long as it likes.</param>
/// <param name="DisplayName">What people call it.</param>
/// <param name="ExitCode">The exit code of its latest run at start; left out before that has ended.</param>
/// <param name="Status">How that run ended; left out before it has.</param>
internal sealed record ScriptView(
    Guid Id,
    Guid LogSourceId,
    string LogPath,
    string Script,
    string Cron,
    bool RunOnStart,
    bool RunOnStop,
    bool StartBlocksLogin,
    long Timeout,
    string DisplayName,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? ExitCode,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Status)
{
    public static ScriptView Of(AgentScript script) => new(
        script.Id,
        script.LogSourceId,
        script.LogPath,
        script.Script,
        script.Cron,
        script.RunOnStart,
        script.RunOnStop,
        script.StartBlocksLogin,
        GoDuration.Nanoseconds(script.Timeout),
        script.DisplayName,
        script.StartRun?.ExitCode,
        script.StartRun?.Status);
}
