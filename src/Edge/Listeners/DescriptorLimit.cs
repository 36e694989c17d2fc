using System.Globalization;
using Edge.Settings;

namespace Edge.Listeners;

/// <summary>The limit of open files and sockets (<c>RLIMIT_NOFILE</c>), and how many connections fit into it.</summary>
internal static class DescriptorLimit
{
    // Reading the settings itself opens files, and fails half-way below this limit. So this check comes first.
    private const long LeastOfAnyMode = 256;

    // A node that can have fewer connections than these is of no use.
    private const long LeastConnections = 4;

    /// <summary>Checks the limit before the settings are read: no mode can start below it.</summary>
    /// <exception cref="SettingsException">The limit is too low.</exception>
    public static void Check(long? limit) => Check(limit, LeastOfAnyMode, "a node");

    /// <summary>Checks the limit for the mode. Without this check the start would fail at whatever needs the next descriptor.</summary>
    /// <exception cref="SettingsException">The limit is too low for the mode.</exception>
    public static void Check(long? limit, EdgeOptions options) =>
        Check(limit, Reserved(options) + (LeastConnections * PerConnection(options)), $"mode {Name(options)}");

    /// <summary>Lowers the setting to what the limit allows. A setting of 0 (no limit) becomes what the limit allows.</summary>
    public static int Fit(int maxConnections, long? limit, EdgeOptions options)
    {
        if (limit is not { } allowed)
        {
            return maxConnections;
        }

        var most = (int)Math.Clamp((allowed - Reserved(options)) / PerConnection(options), 1, int.MaxValue);
        return maxConnections == 0 ? most : Math.Min(maxConnections, most);
    }

    /// <summary>The warning for the log when the setting was lowered; null when it was not.</summary>
    public static string? Warning(int maxConnections, long? limit, EdgeOptions options)
    {
        var lowered = Fit(maxConnections, limit, options);
        if (lowered >= maxConnections)
        {
            return null;
        }

        var wanted = Reserved(options) + ((long)maxConnections * PerConnection(options));
        return $"Edge:Limits:MaxConnections is {lowered} instead of {maxConnections}: the process may have {limit} file descriptors, "
            + $"mode {Name(options)} keeps {Reserved(options)} for itself, and a connection takes up to {PerConnection(options)}; "
            + $"raise the limit (ulimit -n, LimitNOFILE) to {wanted} or lower the setting";
    }

    /// <summary>The soft limit of this process; null on systems other than Linux.</summary>
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

    private static void Check(long? limit, long least, string who)
    {
        if (limit < least)
        {
            throw new SettingsException(
                "ulimit -n",
                $"{limit}",
                $"{who} needs at least {least} file descriptors; raise the limit of open files (ulimit -n, LimitNOFILE)");
        }
    }

    // Measured after the first requests: 251 (relay), 256 (edge) and 288 (all). Most of them are two for each assembly.
    // The reserve of the public listeners is added.
    private static long Reserved(EdgeOptions options) => DescriptorReserve.Public + (options.Mode is EdgeMode.Relay ? 256 : 312);

    // A stream to another API server takes two descriptors, one for each side. A stream to the embedded API server takes three:
    // the client's, and both ends of the connection to the API server. A terminal that an API server serves itself takes two:
    // the client's and the shell's.
    private static long PerConnection(EdgeOptions options) => options.Mode is EdgeMode.Relay ? 1 : options.EmbedsApiServer ? 3 : 2;

    private static string Name(EdgeOptions options) => options.Mode.ToString().ToLowerInvariant();
}
