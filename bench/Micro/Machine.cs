using System.Globalization;
using System.Runtime.InteropServices;

namespace Micro;

/// <summary>What figures were measured on.</summary>
internal static class Machine
{
    private const string ProcessorFile = "/proc/cpuinfo";
    private const string LoadFile = "/proc/loadavg";

    /// <summary>In a line: processor, cores, runtime.</summary>
    public static string Describe()
    {
        var line = File.Exists(ProcessorFile)
            ? File.ReadLines(ProcessorFile).FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{line?.Split(':')[1].Trim() ?? RuntimeInformation.OSArchitecture.ToString()}, {Environment.ProcessorCount} cores, "
                + $"{RuntimeInformation.FrameworkDescription}");
    }

    /// <summary>
    /// The number of threads that wanted to run over the last minute: those of other programs, if it is read before anything
    /// is measured. Zero where it is not known.
    /// </summary>
    public static double LoadAverage() =>
        File.Exists(LoadFile)
            && double.TryParse(File.ReadAllText(LoadFile).Split(' ')[0], NumberStyles.Float, CultureInfo.InvariantCulture, out var load)
            ? load
            : 0;
}
