using ControlPlane.ExternalAuth;
using ControlPlane.InstanceIdentity;
using Edge.Api;
using Edge.Authentication;
using Edge.Derp;
using Edge.Listeners;
using Edge.LocalAgent;
using Edge.RateLimiting;
using Edge.Settings;
using Edge.TailnetNode;
using Edge.Telemetry;

namespace Edge.Program;

/// <summary>All settings of the node. They are read and checked before anything starts.</summary>
internal sealed record NodeSettings(
    EdgeOptions Options,
    EdgeLimits Limits,
    EdgeConnectionOptions Connections,
    RateLimitOptions RateLimit,
    EdgeJwtOptions? Jwt,
    DerpSettings Derp,
    ControlPlaneSettings ControlPlane,
    IReadOnlyList<ExternalAuthProvider> ExternalAuth,
    InstanceIdentityOptions InstanceIdentity,
    LocalAgentSettings LocalAgent,
    TailnetNodeSettings TailnetNode)
{
    /// <summary>The sections in which unknown keys are refused.</summary>
    private static readonly string[] OwnSections = ["Edge", "Relay", "ControlPlane"];

    /// <summary>
    /// Whether a client's address may be that of an edge with many clients behind it: mode api without trusted proxies. Limits by
    /// address are off then.
    /// </summary>
    public bool ClientsMayBeEdges => Options.Mode is EdgeMode.Api && Connections.TrustedProxies.Networks.Count == 0;

    public static NodeSettings Read(IConfiguration configuration, string workingDirectory)
    {
        var reader = new SettingsReader(configuration);
        var options = EdgeOptions.Read(reader, configuration, workingDirectory);
        var derp = DerpSettings.Read(reader, options);
        var settings = new NodeSettings(
            options,
            EdgeLimits.Read(reader),
            EdgeConnectionOptions.Read(reader),
            RateLimitOptions.Read(reader),
            EdgeJwtOptions.Read(reader),
            derp,
            ControlPlaneSettings.Read(reader, derp, workingDirectory),
            ExternalAuthSettings.Read(reader, workingDirectory),
            InstanceIdentitySettings.Read(reader, workingDirectory),
            LocalAgentSettings.Read(reader),
            TailnetNodeSettings.Read(reader, options));
        if (settings.ClientsMayBeEdges)
        {
            settings = settings with
            {
                Connections = settings.Connections with { MaxConnectionsPerAddress = 0 },
                RateLimit = settings.RateLimit with { ByAddress = false },
            };
        }

        settings.Derp.Admission.Check(settings.Derp.Mode, settings.Jwt);
        if (settings.Jwt is not null && !settings.Options.Proxies && !(settings.Derp.Serves && settings.Derp.Admission.NeedsToken))
        {
            var mode = settings.Options.Mode.ToString().ToLowerInvariant();
            throw new SettingsException(
                "Edge:Authentication", null, $"only the modes all and edge verify tokens, before API servers; this is mode {mode}");
        }

        KestrelSettings.Check(reader);
        LoggingSettings.Check(configuration);
        foreach (var section in OwnSections)
        {
            reader.RefuseUnknownKeys(section);
        }

        return settings;
    }
}
