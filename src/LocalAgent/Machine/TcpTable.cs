using System.Globalization;

namespace LocalAgent.Machine;

/// <summary>Reads <c>/proc/net/tcp</c> and <c>tcp6</c> (proc_net(5)).</summary>
internal static class TcpTable
{
    private const string Listening = "0A";

    /// <summary>The ports and inodes of the listening sockets. Malformed lines are skipped.</summary>
    public static IEnumerable<(int Port, string Inode)> Listeners(IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            // sl, local_address, rem_address, st, tx:rx, tr:when, retrnsmt, uid, timeout, inode
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > 9
                && fields[3] == Listening
                && int.TryParse(
                    fields[1].AsSpan(fields[1].LastIndexOf(':') + 1),
                    NumberStyles.AllowHexSpecifier,
                    CultureInfo.InvariantCulture,
                    out var port)
                && port is > 0 and <= ushort.MaxValue)
            {
                yield return (port, fields[9]);
            }
        }
    }
}
