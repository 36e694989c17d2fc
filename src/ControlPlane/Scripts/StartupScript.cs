using ControlPlane.Declarations;

namespace ControlPlane.Scripts;

/// <summary>
/// The single startup script of the oldest API (v0.20). An agent has several scripts today, and one of them fills the old fields.
/// </summary>
/// <param name="Text">The script's text. Empty without one.</param>
/// <param name="Timeout">The time-out. Zero: none.</param>
/// <param name="Blocks">Whether any script at start blocks logins. Null when no script runs at start.</param>
internal sealed record StartupScript(string Text, TimeSpan Timeout, bool? Blocks)
{
    /// <summary>The first script that runs at start and blocks logins, or else the first that runs at start.</summary>
    public static StartupScript Of(IReadOnlyList<AgentScript> scripts)
    {
        var first = scripts.FirstOrDefault(static script => script.RunOnStart && script.StartBlocksLogin)
            ?? scripts.FirstOrDefault(static script => script.RunOnStart);
        return first is null
            ? new StartupScript("", TimeSpan.Zero, null)
            : new StartupScript(first.Script, first.Timeout, first.StartBlocksLogin);
    }
}
