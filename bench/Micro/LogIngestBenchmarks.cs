using System.Text.Json;
using BenchmarkDotNet.Attributes;
using ControlPlane.Logs;

namespace Micro;

/// <summary>Reading the body in which an agent sends log lines.</summary>
[MemoryDiagnoser]
public class LogIngestBenchmarks
{
    private byte[] _json = [];

    /// <summary>Lines in a request; agents send up to some thousand.</summary>
    [Params(10, 1000)]
    public int Lines { get; set; }

    /// <summary>Makes the body.</summary>
    [GlobalSetup]
    public void Fill() => _json = JsonSerializer.SerializeToUtf8Bytes(new
    {
        log_source_id = Guid.Empty,
        logs = Enumerable.Range(0, Lines).Select(static i =>
            new { created_at = DateTimeOffset.UnixEpoch, output = $"line {i:0000} of a build that says little", level = "info" }),
    });

    /// <summary>One request.</summary>
    [Benchmark]
    public int Parse() => JsonSerializer.Deserialize(_json, LogsJson.Wire.PatchLogsRequest)?.Logs?.Count ?? 0;
}
