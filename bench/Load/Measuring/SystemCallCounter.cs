using System.Diagnostics;
using System.Globalization;

namespace Load.Measuring;

/// <summary>
/// Counts the system calls of processes for a while, with <c>perf</c> where the kernel allows it, else with <c>strace</c>.
/// Both slow a server down, <c>strace</c> by much. Counting therefore has runs of its own, whose other figures are dropped.
/// </summary>
internal sealed class SystemCallCounter
{
    private const string Event = "raw_syscalls:sys_enter";

    private readonly Func<string, string, string[]> _command;
    private readonly Func<string, double?> _read;

    private SystemCallCounter(string name, Func<string, string, string[]> command, Func<string, double?> read) =>
        (Name, _command, _read) = (name, command, read);

    /// <summary>The tool that counts.</summary>
    public string Name { get; }

    /// <summary>What works here, found by trying it on this process; null when nothing does.</summary>
    public static SystemCallCounter? Find()
    {
        SystemCallCounter[] all =
        [
            new("perf", static (ids, seconds) => ["perf", "stat", "-x,", "-e", Event, "-p", ids, "--", "sleep", seconds], ReadPerf),
            new("strace", static (ids, seconds) => ["timeout", "--signal=INT", seconds, "strace", "-c", "-f", "-p", ids], ReadStrace),
        ];

        // Not on this process: strace would stop its threads, this one among them, without being the parent.
        using var subject = Process.Start(new ProcessStartInfo("sh", ["-c", "while :; do sleep 0.01; done"]))!;
        try
        {
            return all.FirstOrDefault(one => one.Count([subject.Id], 0.3) > 0);
        }
        finally
        {
            subject.Kill(entireProcessTree: true);
            subject.WaitForExit();
        }
    }

    /// <summary>System calls a second over the next so many seconds; null when they could not be counted.</summary>
    public double? Count(IReadOnlyList<int> processes, double seconds)
    {
        using var counting = Begin(processes, seconds);
        return counting?.End();
    }

    /// <summary>Begins to count for so many seconds.</summary>
    public Counting? Begin(IReadOnlyList<int> processes, double seconds)
    {
        var ids = string.Join(',', processes.Select(static id => id.ToString(CultureInfo.InvariantCulture)));
        var command = _command(ids, seconds.ToString(CultureInfo.InvariantCulture));
        try
        {
            return new Counting(
                Process.Start(
                    new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true, RedirectStandardOutput = true })!,
                seconds, _read);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // It is not installed.
        }
    }

    /// <summary>The count in the text of <c>perf stat -x,</c>.</summary>
    internal static double? ReadPerf(string text) =>
        text.Split('\n').FirstOrDefault(static line => line.Contains(Event, StringComparison.Ordinal)) is { } line
        && double.TryParse(line.Split(',')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : null;

    /// <summary>The sum in the text of <c>strace -c</c>: share, seconds, µs a call, calls, perhaps errors, and the word total.</summary>
    internal static double? ReadStrace(string text) =>
        text.Split('\n').Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .LastOrDefault(static line => line is [.., "total"]) is { Length: >= 5 } sum
        && double.TryParse(sum[3], NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : null;

    /// <summary>A count that is under way.</summary>
    internal sealed class Counting(Process process, double seconds, Func<string, double?> read) : IDisposable
    {
        /// <summary>Waits for its end; system calls a second, or null.</summary>
        public double? End()
        {
            var text = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return read(text) / seconds;
        }

        public void Dispose() => process.Dispose();
    }
}
