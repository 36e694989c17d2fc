using Edge.Settings;
using LocalAgent.Terminals;

namespace Edge.LocalAgent;

/// <summary>The settings <c>ControlPlane:Terminals</c>: those of <see cref="TerminalOptions"/> that an operator can set.</summary>
internal static class TerminalSettings
{
    private const string MaxSessions = "ControlPlane:Terminals:MaxSessions";
    private const string MaxAttachments = "ControlPlane:Terminals:MaxAttachments";
    private const string DetachedTimeout = "ControlPlane:Terminals:DetachedTimeout";
    private const string MaxOutputRate = "ControlPlane:Terminals:MaxOutputRate";

    public static TerminalOptions Read(SettingsReader settings)
    {
        var defaults = new TerminalOptions();
        return new TerminalOptions
        {
            MaxSessions = settings.Number(MaxSessions, defaults.MaxSessions, 1, 1_000),
            MaxAttachments = settings.Number(MaxAttachments, defaults.MaxAttachments, 1, 1_000),
            DetachedTimeout = settings.Duration(
                DetachedTimeout, defaults.DetachedTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)),
            MaxOutputRate = settings.Number(MaxOutputRate, defaults.MaxOutputRate, 64 << 10, 1 << 30),
        };
    }

    /// <summary>The same settings as arguments of the agent's command line.</summary>
    public static IEnumerable<string> ToArguments(TerminalOptions options) =>
    [
        FormattableString.Invariant($"--{MaxSessions}={options.MaxSessions}"),
        FormattableString.Invariant($"--{MaxAttachments}={options.MaxAttachments}"),
        FormattableString.Invariant($"--{DetachedTimeout}={(long)options.DetachedTimeout.TotalMilliseconds}ms"),
        FormattableString.Invariant($"--{MaxOutputRate}={options.MaxOutputRate}"),
    ];
}
