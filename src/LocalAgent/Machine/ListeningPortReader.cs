namespace LocalAgent.Machine;

/// <summary>Reads the listening TCP ports of the machine, with the names of the processes that this user may inspect.</summary>
internal static class ListeningPortReader
{
    private static readonly string[] Tables = ["/proc/net/tcp", "/proc/net/tcp6"];

    private const string SocketLink = "socket:[";

    /// <summary>Lists each port once, in ascending order.</summary>
    public static IReadOnlyList<ListeningPort> Read()
    {
        var listeners = Tables
            .Where(File.Exists)
            .SelectMany(static path => TcpTable.Listeners(File.ReadLines(path)))
            .ToArray();
        var names = NamesOf(listeners.Select(static listener => listener.Inode).ToHashSet(StringComparer.Ordinal));
        return [.. listeners
            .GroupBy(static listener => listener.Port)
            .OrderBy(static port => port.Key)
            .Select(port => new ListeningPort(
                port.Select(listener => names.GetValueOrDefault(listener.Inode)).FirstOrDefault(static name => name is not null) ?? "",
                "tcp",
                port.Key))];
    }

    private static Dictionary<string, string> NamesOf(HashSet<string> inodes)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(static path => char.IsAsciiDigit(path[^1])))
        {
            try
            {
                foreach (var file in Directory.EnumerateFiles(Path.Combine(process, "fd")))
                {
                    if (new FileInfo(file).LinkTarget is { } target
                        && target.StartsWith(SocketLink, StringComparison.Ordinal)
                        && inodes.Contains(target[SocketLink.Length..^1]))
                    {
                        names.TryAdd(target[SocketLink.Length..^1], File.ReadAllText(Path.Combine(process, "comm")).TrimEnd('\n'));
                    }
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // The process has ended, or belongs to another user. Its name stays unknown.
                continue;
            }
        }

        return names;
    }
}
