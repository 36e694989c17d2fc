using System.Diagnostics.Metrics;
using Edge.Derp.Bootstrap;
using Edge.Derp.Mesh;
using Edge.Settings;

namespace Edge.Derp;

/// <summary>
/// The parts of a node's DERP server besides its clients: the mesh, bootstrap DNS, and process metrics under derper's
/// names.
/// </summary>
internal sealed class DerpNode
{
    /// <summary>The meter of what derper measures but the relay's library does not.</summary>
    public const string MeterName = "Edge.Derp";

    private readonly BootstrapDns _bootstrapDns;
    private readonly DerpMesh _mesh;

    /// <exception cref="Settings.SettingsException">A file that the settings name cannot be used.</exception>
    public DerpNode(DerpMesh mesh, BootstrapDns bootstrapDns, IMeterFactory meters, TimeProvider time)
    {
        (_mesh, _bootstrapDns) = (mesh, bootstrapDns);
        var meter = meters.Create(MeterName);
        var started = time.GetTimestamp();
        var startedAt = time.GetUtcNow().ToUnixTimeSeconds();
        meter.CreateObservableGauge(
            "derp_current_file_descriptors",
            static () => Directory.Exists(Descriptors) ? Directory.EnumerateFiles(Descriptors).LongCount() : 0,
            null,
            "File descriptors that the process has open.");
        meter.CreateObservableGauge(
            "process_start_unix_time", () => startedAt, null, "When the node started, in seconds since 1970-01-01 UTC.");
        meter.CreateObservableCounter(
            "uptime_sec", () => (long)time.GetElapsedTime(started).TotalSeconds, null, "Seconds since the node started.");
        meter.CreateObservableGauge(
            "version",
            static () => new Measurement<long>(1, new("version", EdgeVersion.Text), new("binary", "edge")),
            null,
            "1, with the program's version.");
    }

    private const string Descriptors = "/proc/self/fd";

    /// <summary>The links of the mesh.</summary>
    public IReadOnlyList<MeshLinkStatus> Links => _mesh.Links;

    /// <summary>
    /// Starts the mesh and bootstrap DNS. The listeners have to be open, so that the mesh can recognise this node itself.
    /// </summary>
    public void Start()
    {
        _mesh.Start();
        _bootstrapDns.Start();
    }

    /// <summary>Closes the mesh links. Comes after the end of the clients, which need the links.</summary>
    public Task StopAsync() => _mesh.StopAsync();
}
