using System.Text.Json.Serialization;
using ControlPlane.Declarations;
using ControlPlane.Http;

namespace ControlPlane.Scripts;

/// <summary>The API's form of an agent's script (tailnet.md §1.3-19). The time-out is in nanoseconds.</summary>
/// <param name="Id">The script's id.</param>
/// <param name="LogSourceId">The id of the log source of the script's output.</param>
/// <param name="LogPath">The file on the agent's machine that gets the script's output.</param>
/// <param name="Script">The script's text, or a command.</param>
/// <param name="Cron">The schedule, as a cron expression. Empty: none.</param>
/// <param name="RunOnStart">Whether the script runs when the agent starts.</param>
/// <param name="RunOnStop">Whether the script runs when the agent stops.</param>
/// <param name="StartBlocksLogin">Whether logins wait for the run at start.</param>
/// <param name="Timeout">The time-out of a run, in nanoseconds. 0: none.</param>
/// <param name="DisplayName">The name that user interfaces show.</param>
/// <param name="ExitCode">The exit code of the latest run at start. Omitted before its end.</param>
/// <param name="Status">The result of the latest run at start. Omitted before its end.</param>
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
