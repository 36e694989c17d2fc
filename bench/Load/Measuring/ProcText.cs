using System.Globalization;

namespace Load.Measuring;

/// <summary>Reads the texts under <c>/proc</c>; see proc(5). What is not there, or cut, reads as nothing.</summary>
internal static class ProcText
{
    /// <summary>The unit of processor time in <c>/proc/PID/stat</c>: a hundredth of a second on every Linux that .NET runs on.</summary>
    public const double TicksPerSecond = 100;

    /// <summary>Parent and processor seconds (user and system) in the text of <c>/proc/PID/stat</c>.</summary>
    public static (int Parent, double Processor)? Stat(string text)
    {
        // The second field is the program's name in parentheses; it may hold spaces and parentheses itself.
        var end = text.LastIndexOf(')');
        if (end < 0)
        {
            return null;
        }

        var fields = text[(end + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 12
            && int.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out var parent)
            && long.TryParse(fields[11], NumberStyles.None, CultureInfo.InvariantCulture, out var user)
            && long.TryParse(fields[12], NumberStyles.None, CultureInfo.InvariantCulture, out var system)
            ? (parent, (user + system) / TicksPerSecond)
            : null;
    }

    /// <summary>
    /// All processor time so far in <c>/proc/stat</c>, in ticks, and the part of it that the hypervisor gave to other
    /// machines (steal time). Zeros where the text does not say it.
    /// </summary>
    public static (long All, long Stolen) Processors(string text)
    {
        // "cpu", then user, nice, system, idle, iowait, irq, softirq, steal; guests' time behind them is part of user's.
        var line = text.AsSpan().IndexOf('\n') is >= 0 and var end ? text[..end] : text;
        var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(8)
            .Select(static field => long.TryParse(field, NumberStyles.None, CultureInfo.InvariantCulture, out var ticks) ? ticks : 0)
            .ToList();
        return fields.Count == 8 ? (fields.Sum(), fields[7]) : default;
    }

    /// <summary>
    /// The number after <paramref name="name"/> and a colon at the start of a line, as in <c>/proc/PID/status</c> and
    /// <c>smaps_rollup</c>.
    /// </summary>
    public static long? Line(string text, string name)
    {
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            if (line.Length > name.Length && line.StartsWith(name, StringComparison.Ordinal) && line[name.Length] == ':')
            {
                var rest = line[(name.Length + 1)..].Trim();
                var digits = rest.IndexOf(' ') is >= 0 and var space ? rest[..space] : rest;
                return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
            }
        }

        return null;
    }
}
