using System.Net;
using Edge.Derp.Admission;
using Edge.Derp.Bootstrap;
using Edge.Derp.Mesh;
using Edge.Derp.Rates;
using Edge.Settings;
using Relay.Derp;

namespace Edge.Derp;

/// <summary>The settings of the relay: DERP (<c>Relay:Derp</c>) and STUN (<c>Relay:Stun</c>).</summary>
internal sealed record DerpSettings
{
    public required DerpMode Mode { get; init; }

    /// <summary><c>Relay:Derp:KeyFile</c>: derper's key file; null means <c>derp.key</c> in the data directory.</summary>
    public required string? KeyFile { get; init; }

    /// <summary><c>Relay:Derp:Admission</c> and its sources.</summary>
    public required DerpAdmissionSettings Admission { get; init; }

    public required DerpServerOptions Server { get; init; }

    public required DerpMeshSettings Mesh { get; init; }

    public required DerpRateSettings Rates { get; init; }

    public required BootstrapDnsSettings BootstrapDns { get; init; }

    /// <summary><c>Relay:Stun:Enabled</c>.</summary>
    public required bool Stun { get; init; }

    /// <summary><c>Relay:Stun:Port</c>: the UDP port; 0 means any free one.</summary>
    public required int StunPort { get; init; }

    public bool Serves => Mode is DerpMode.Serve;

    public static DerpSettings Read(SettingsReader settings, EdgeOptions edge)
    {
        var mode = settings.Choice("Relay:Derp:Mode", Default(edge));
        if (mode is DerpMode.Forward && !edge.Proxies)
        {
            throw new SettingsException(
                "Relay:Derp:Mode", "forward", "this mode has no API server to forward to; allowed are serve and off");
        }

        if (mode is DerpMode.Serve && edge.Mode is EdgeMode.Api)
        {
            throw new SettingsException("Relay:Derp:Mode", "serve", "mode api is the API server alone; use mode all or relay");
        }

        var defaults = new DerpServerOptions();
        return new DerpSettings
        {
            Mode = mode,
            KeyFile = settings.Text("Relay:Derp:KeyFile"),
            Admission = DerpAdmissionSettings.Read(settings),
            Server = new DerpServerOptions
            {
                QueueDepth = settings.Number("Relay:Derp:QueueDepth", defaults.QueueDepth, 1, 65_536),
                QueueBytes = settings.Number("Relay:Derp:QueueBytes", defaults.QueueBytes, 160 << 10, 1 << 30),
                QueueBytesTotal = settings.Number("Relay:Derp:QueueBytesTotal", defaults.QueueBytesTotal, 1 << 20, 1L << 40),
                TcpUserTimeout = settings.Duration(
                    "Relay:Derp:TcpUserTimeout", defaults.TcpUserTimeout, TimeSpan.Zero, TimeSpan.FromHours(1)),
                MaxConnections = settings.Number("Relay:Derp:MaxConnections", 0, 0, 10_000_000),
                MaxConnectionsPerAddress = settings.Number("Relay:Derp:MaxConnectionsPerAddress", 0, 0, 10_000_000),
                MaxConnectionsPerKey = settings.Number("Relay:Derp:MaxConnectionsPerKey", 0, 0, 10_000_000),
            },
            Mesh = DerpMeshSettings.Read(settings, mode is DerpMode.Serve),
            Rates = DerpRateSettings.Read(settings),
            BootstrapDns = BootstrapDnsSettings.Read(settings),
            Stun = settings.Flag("Relay:Stun:Enabled", mode is DerpMode.Serve),
            StunPort = settings.Number("Relay:Stun:Port", 3478, 0, 65_535),
        };
    }

    /// <summary>Refuses to start a relay that strangers can reach without an explicit choice of who may use it.</summary>
    public void CheckAdmission(IEnumerable<IPEndPoint?> listeners)
    {
        if (Serves
            && !Admission.IsSet
            && listeners.Any(static listener => listener is null || !IPAddress.IsLoopback(listener.Address)))
        {
            throw new SettingsException(
                DerpAdmissionSettings.Name,
                null,
                "a listener is not on loopback, so strangers could relay their packets here; set the sources of admission "
                + "(file, url, tailscaled, jwt), set open to admit every client, or set Relay:Derp:Mode=off");
        }
    }

    private static DerpMode Default(EdgeOptions edge) =>
        edge.EmbedsApiServer || edge.Mode is EdgeMode.Relay ? DerpMode.Serve
        : edge.Proxies ? DerpMode.Forward
        : DerpMode.Off;
}
