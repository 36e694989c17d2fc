using ControlPlane.ExternalAuth;
using ControlPlane.InstanceIdentity;
using Edge.Api;
using Edge.Authentication;
using Edge.Derp;
using Edge.Listeners;
using Edge.LocalAgent;
using Edge.RateLimiting;
using Edge.Settings;
using Edge.Telemetry;

namespace Edge.Program;

/// <summary>Every setting of the node, read and checked in one go before anything starts.</summary>
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
    LocalAgentSettings LocalAgent)
{
    /// <summary>The sections in which a key that nobody knows stops the start.</summary>
    private static readonly string[] OwnSections = ["Edge", "Relay", "ControlPlane"];

    /// <summary>
    /// Whether a connection's address may be that of an edge with many clients behind it: an API server stands behind edges, and no setting names them.
    /// Nobody is limited by address then.
    /// </summary>
    public bool TakesEdgesForClients => Options.Mode is EdgeMode.Api && Connections.TrustedProxies.Networks.Count == 0;

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
            LocalAgentSettings.Read(reader));
        if (settings.TakesEdgesForClients)
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
            throw new SettingsException("Edge:Authentication", null, $"tokens are verified before API servers, in modes all and edge; this is mode {mode}");
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
