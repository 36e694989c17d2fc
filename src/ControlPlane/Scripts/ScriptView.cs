using System.Text.Json.Serialization;
using ControlPlane.Declarations;
using ControlPlane.Http;

namespace ControlPlane.Scripts;

/// <summary>The API's script of an agent (tailnet.md §1.3-19). The time-out is in nanoseconds; how the run at start ended comes once it has.</summary>
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
