using System.Globalization;
using Edge.Settings;

namespace Edge.Hosting;

/// <summary>How many files and sockets the process may have open.</summary>
internal static class DescriptorLimit
{
    // Beside two for a stream that is carried on: listeners, the database, logs, probes.
    private const int Spare = 256;

    // A node holds 260 when it has just started, most of them the files of its assemblies.
    private const long Least = 512;

    /// <summary>
    /// Stops the start where the node would fail half-way for want of descriptors, with an error of whatever needed the next one.
    /// </summary>
    /// <exception cref="SettingsException">The limit is too low.</exception>
    public static void Check(long? limit)
    {
        if (limit < Least)
        {
            throw new SettingsException(
                "ulimit -n",
                $"{limit}",
                $"a node needs at least {Least} file descriptors; raise the limit of open files (ulimit -n, LimitNOFILE)");
        }
    }

    /// <summary>What to tell the operator when <paramref name="maxConnections"/> need more than there are; null when all is well.</summary>
    public static string? Warning(int maxConnections, long? limit)
    {
        if (limit is not { } allowed || maxConnections == 0)
        {
            return null;
        }

        var needed = (2L * maxConnections) + Spare;
        return allowed >= needed ? null
            : $"Edge:Limits:MaxConnections = {maxConnections} can need {needed} file descriptors, the process may have {allowed}; raise the limit (ulimit -n, LimitNOFILE) or lower the setting";
    }

    /// <summary>The soft limit of this process, or null where the kernel does not tell.</summary>
    public static long? Read()
    {
        const string Path = "/proc/self/limits";
        const string Name = "Max open files";
        if (!File.Exists(Path))
        {
            return null;
        }

        var line = File.ReadLines(Path).FirstOrDefault(static line => line.StartsWith(Name, StringComparison.Ordinal));
        var soft = line?[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) ? limit : null;
    }
}
