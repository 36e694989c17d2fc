using ControlPlane.Declarations;

namespace ControlPlane.Scripts;

/// <summary>The one startup script that agents and clients of the first documents (S4) know, out of today's several.</summary>
/// <param name="Text">The script; empty without one.</param>
/// <param name="Timeout">How long it may take; zero: as long as it likes.</param>
/// <param name="Blocks">Whether any script at start holds up logins; null when no script runs at start.</param>
internal sealed record StartupScript(string Text, TimeSpan Timeout, bool? Blocks)
{
    /// <summary>The first that runs at start and that logins wait for, or else the first that runs at start.</summary>
    public static StartupScript Of(IReadOnlyList<AgentScript> scripts)
    {
        var first = scripts.FirstOrDefault(static script => script.RunOnStart && script.StartBlocksLogin)
            ?? scripts.FirstOrDefault(static script => script.RunOnStart);
        return first is null ? new StartupScript("", TimeSpan.Zero, null) : new StartupScript(first.Script, first.Timeout, first.StartBlocksLogin);
    }
}
