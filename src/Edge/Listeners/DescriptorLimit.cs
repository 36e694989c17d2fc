using System.Globalization;
using Edge.Settings;

namespace Edge.Listeners;

/// <summary>How many files and sockets the process may have open, and how many connections that is.</summary>
internal static class DescriptorLimit
{
    // Before the settings are read, which opens more files than this and fails half-way where there are fewer.
    private const long LeastOfAnyMode = 256;

    // Fewer connections than these serve nobody.
    private const long LeastConnections = 4;

    /// <summary>Stops the start before anything is read, where no mode can start.</summary>
    /// <exception cref="SettingsException">The limit is too low.</exception>
    public static void Check(long? limit) => Check(limit, LeastOfAnyMode, "a node");

    /// <summary>Stops the start where the node would fail half-way, with an error of whatever needed the next descriptor.</summary>
    /// <exception cref="SettingsException">The limit is too low for the mode.</exception>
    public static void Check(long? limit, EdgeOptions options) =>
        Check(limit, Kept(options) + (LeastConnections * PerConnection(options)), $"mode {Name(options)}");

    /// <summary>The setting, or what the limit allows if that is less; 0, which is no limit, becomes what the limit allows.</summary>
    public static int Fit(int maxConnections, long? limit, EdgeOptions options)
    {
        if (limit is not { } allowed)
        {
            return maxConnections;
        }

        var most = (int)Math.Clamp((allowed - Kept(options)) / PerConnection(options), 1, int.MaxValue);
        return maxConnections == 0 ? most : Math.Min(maxConnections, most);
    }

    /// <summary>What to tell the operator when the setting was lowered; null when it was not.</summary>
    public static string? Warning(int maxConnections, long? limit, EdgeOptions options)
    {
        var lowered = Fit(maxConnections, limit, options);
        return lowered >= maxConnections ? null
            : $"Edge:Limits:MaxConnections is {lowered} instead of {maxConnections}: the process may have {limit} file descriptors, "
            + $"mode {Name(options)} keeps {Kept(options)} for itself, and a connection takes up to {PerConnection(options)}; "
            + $"raise the limit (ulimit -n, LimitNOFILE) to {Kept(options) + ((long)maxConnections * PerConnection(options))} or lower the setting";
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

    private static void Check(long? limit, long least, string who)
    {
        if (limit < least)
        {
            throw new SettingsException(
                "ulimit -n", $"{limit}", $"{who} needs at least {least} file descriptors; raise the limit of open files (ulimit -n, LimitNOFILE)");
        }
    }

    // Measured: 251 (relay), 256 (edge) and 288 (all) after the first requests, most of them two for each assembly.
    // Beside them the reserve of the public listeners.
    private static long Kept(EdgeOptions options) => DescriptorReserve.Public + (options.Mode is EdgeMode.Relay ? 256 : 312);

    // A stream to the embedded API server takes three: the client's, and both ends of the one between. To another API server it takes two.
    // A terminal on an API server's own machine has its shell's beside the client's.
    private static long PerConnection(EdgeOptions options) => options.Mode is EdgeMode.Relay ? 1 : options.EmbedsApiServer ? 3 : 2;

    private static string Name(EdgeOptions options) => options.Mode.ToString().ToLowerInvariant();
}
