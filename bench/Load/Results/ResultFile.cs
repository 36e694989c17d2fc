using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Load.Results;

/// <summary>What one run measured, as it is kept in JSON.</summary>
/// <param name="Date">When it began, UTC.</param>
/// <param name="Machine">What it ran on.</param>
/// <param name="Samples">Every single measurement: medians, spread and ratios are made from them when they are shown.</param>
internal sealed record ResultFile(DateTime Date, Machine Machine, List<Sample> Samples)
{
    private static readonly JsonSerializerOptions Format =
        new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <exception cref="JsonException">The file is something else.</exception>
    public static ResultFile Read(string path) =>
        JsonSerializer.Deserialize<ResultFile>(File.ReadAllText(path), Format) is { Samples: not null, Machine: not null } results
            ? results : throw new JsonException($"{path} holds no results");

    public void Write(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, Format));
}

/// <summary>One measurement of one server, so many seconds after the run began.</summary>
internal sealed record Sample(
    string Scenario, Dictionary<string, int> Parameters, string Server, int Round, double At, Dictionary<string, double> Figures)
{
    /// <summary>The parameters in one text, to tell the steps of a sweep apart.</summary>
    public string Point() =>
        string.Join(", ", Parameters.Select(static one => string.Create(CultureInfo.InvariantCulture, $"{one.Key} {one.Value}")));
}

/// <summary>What the figures were measured on; only ratios mean anything elsewhere.</summary>
internal sealed record Machine(string Processor, int Cores, double MemoryGiB, string Kernel, string Runtime, double LoadAverage)
{
    public static Machine Here() => new(
        Lines("/proc/cpuinfo").FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
            ?? "unknown",
        Environment.ProcessorCount,
        Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Math.Pow(1024, 3), 1),
        Environment.OSVersion.Version.ToString(),
        RuntimeInformation.FrameworkDescription,
        double.TryParse(
            Lines("/proc/loadavg").FirstOrDefault()?.Split(' ')[0], NumberStyles.Float, CultureInfo.InvariantCulture, out var load)
            ? load
            : 0);

    /// <summary>Date and machine in a line; the load average is what others did on it when the run began.</summary>
    public string Describe(DateTime date) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{date:yyyy-MM-dd HH:mm} UTC, {Processor}, {Cores} cores, {MemoryGiB} GiB, Linux {Kernel}, load average {LoadAverage}");

    private static string[] Lines(string path) => File.Exists(path) ? File.ReadAllLines(path) : [];
}
