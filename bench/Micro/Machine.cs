using System.Runtime.InteropServices;

namespace Micro;

/// <summary>What figures were measured on.</summary>
internal static class Machine
{
    private const string ProcessorFile = "/proc/cpuinfo";

    /// <summary>In a line: processor, cores, runtime.</summary>
    public static string Describe()
    {
        var line = File.Exists(ProcessorFile) ? File.ReadLines(ProcessorFile).FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal)) : null;
        return FormattableString.Invariant(
            $"{line?.Split(':')[1].Trim() ?? RuntimeInformation.OSArchitecture.ToString()}, {Environment.ProcessorCount} cores, {RuntimeInformation.FrameworkDescription}");
    }
}
