using Edge.Settings;

namespace Edge.Program;

/// <summary>
/// Separates settings from commands and options. The forms are those of .NET's command-line configuration:
/// <c>--Edge:Mode=edge</c>, <c>--Edge:Mode edge</c>, the same with <c>/</c>, and <c>Edge:Mode=edge</c>. They may have any place on
/// the command line.
/// </summary>
internal static class SettingsArguments
{
    /// <summary>Returns each setting as one argument, and the other arguments, including settings without a value.</summary>
    public static (string[] Settings, string[] Others) Split(IReadOnlyList<string> args)
    {
        // The arguments of `admin` include names, paths and NAME=VALUE. So settings need two hyphens there.
        var needsHyphens = args is ["admin", ..];
        var (settings, others) = (new List<string>(), new List<string>());
        for (var i = 0; i < args.Count; i++)
        {
            var arg = args[i];
            if (!IsSetting(arg) || (needsHyphens && !arg.StartsWith("--", StringComparison.Ordinal)))
            {
                others.Add(arg);
            }
            else if (arg.Contains('=', StringComparison.Ordinal))
            {
                settings.Add(arg);
            }
            else if (i + 1 < args.Count && !args[i + 1].StartsWith("--", StringComparison.Ordinal))
            {
                settings.Add($"{arg}={args[++i]}");
            }
            else
            {
                others.Add(arg);
            }
        }

        return ([.. settings], [.. others]);
    }

    /// <summary>Whether the argument names a setting, which begins with one of <see cref="EdgeConfiguration.Sections"/>.</summary>
    public static bool IsSetting(string arg)
    {
        var prefix = arg.StartsWith("--", StringComparison.Ordinal) ? 2 : arg.StartsWith('/') ? 1 : 0;
        var key = arg.Split('=')[0];
        var section = key[prefix..].Split(':')[0];
        return (prefix > 0 || key.Length < arg.Length) && EdgeConfiguration.Sections.Contains(section, StringComparer.OrdinalIgnoreCase);
    }
}
