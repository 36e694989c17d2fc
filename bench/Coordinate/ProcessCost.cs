using System.Globalization;

namespace Coordinate;

/// <summary>Memory and processor time of another process, from /proc (Linux).</summary>
internal readonly record struct ProcessCost(double ResidentKiB, TimeSpan Processor)
{
    private const double TicksPerSecond = 100;

    public static ProcessCost Of(int id)
    {
        var resident = File.ReadLines($"/proc/{id}/status").First(static line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        var fields = File.ReadAllText($"/proc/{id}/stat").Split(") ")[1].Split(' ');
        var ticks = Number(fields[11]) + Number(fields[12]);
        return new ProcessCost(Number(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]), TimeSpan.FromSeconds(ticks / TicksPerSecond));
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
