using System.Globalization;

namespace Load.Measuring;

/// <summary>What the kernel has accounted to a server so far: the process, its threads, and every process that descends from it.</summary>
/// <param name="Processor">Processor seconds, user and system.</param>
/// <param name="ResidentKiB">Resident memory now, shared pages shared out (Pss) where the kernel tells.</param>
/// <param name="PeakKiB">The largest resident memory of each process so far, summed.</param>
/// <param name="Switches">Context switches of the threads that are alive.</param>
internal readonly record struct ProcessCost(double Processor, long ResidentKiB, long PeakKiB, long Switches)
{
    public static ProcessCost operator +(ProcessCost one, ProcessCost other) => new(
        one.Processor + other.Processor, one.ResidentKiB + other.ResidentKiB, one.PeakKiB + other.PeakKiB, one.Switches + other.Switches);

    /// <summary>Reads the cost of a server by its process id; a process that has ended costs nothing.</summary>
    public static ProcessCost Of(int root)
    {
        var sum = default(ProcessCost);
        foreach (var id in Tree(root))
        {
            var directory = $"/proc/{id.ToString(CultureInfo.InvariantCulture)}";
            var status = Text($"{directory}/status");
            var memory = Text($"{directory}/smaps_rollup");
            sum += new ProcessCost(
                ProcText.Stat(Text($"{directory}/stat"))?.Processor ?? 0,
                ProcText.Line(memory, "Pss") ?? ProcText.Line(status, "VmRSS") ?? 0,
                ProcText.Line(status, "VmHWM") ?? 0,
                ThreadSwitches(directory));
        }

        return sum;
    }

    private static long ThreadSwitches(string directory)
    {
        var sum = 0L;
        try
        {
            foreach (var task in Directory.EnumerateDirectories($"{directory}/task"))
            {
                var status = Text($"{task}/status");
                sum += (ProcText.Line(status, "voluntary_ctxt_switches") ?? 0) + (ProcText.Line(status, "nonvoluntary_ctxt_switches") ?? 0);
            }
        }
        catch (IOException)
        {
            return sum; // The process has ended.
        }

        return sum;
    }

    /// <summary>A process and all that descend from it.</summary>
    public static List<int> Tree(int root)
    {
        var children = new Dictionary<int, List<int>>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                && ProcText.Stat(Text($"{directory}/stat")) is { } stat)
            {
                if (!children.TryGetValue(stat.Parent, out var list))
                {
                    children[stat.Parent] = list = [];
                }

                list.Add(id);
            }
        }

        List<int> tree = [root];
        for (var i = 0; i < tree.Count; i++)
        {
            tree.AddRange(children.GetValueOrDefault(tree[i]) ?? []);
        }

        return tree;
    }

    private static string Text(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return ""; // It has ended since, or is another user's.
        }
    }
}
