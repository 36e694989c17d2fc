using Edge.Authentication;
using Edge.Connections;
using Edge.Derp;
using Edge.LocalAgent;
using Edge.Public;
using Edge.RateLimiting;
using Edge.Settings;

namespace Edge.Hosting;

/// <summary>Every setting of the node, read and checked in one go before anything starts.</summary>
internal sealed record NodeSettings(
    EdgeOptions Options,
    EdgeLimits Limits,
    EdgeConnectionOptions Connections,
    RateLimitOptions RateLimit,
    EdgeJwtOptions? Jwt,
    DerpSettings Derp,
    LocalAgentSettings LocalAgent)
{
    /// <summary>The sections in which a key that nobody knows stops the start.</summary>
    private static readonly string[] OwnSections = ["Edge", "Relay", "ControlPlane"];

    public static NodeSettings Read(IConfiguration configuration, string workingDirectory)
    {
        var reader = new SettingsReader(configuration);
        var options = EdgeOptions.Read(reader, configuration, workingDirectory);
        var settings = new NodeSettings(
            options,
            EdgeLimits.Read(reader),
            EdgeConnectionOptions.Read(reader),
            RateLimitOptions.Read(reader),
            EdgeJwtOptions.Read(reader),
            DerpSettings.Read(reader, options),
            LocalAgentSettings.Read(reader));
        if (settings.Jwt is not null && !settings.Options.Proxies)
        {
            var mode = settings.Options.Mode.ToString().ToLowerInvariant();
            throw new SettingsException("Edge:Authentication", null, $"tokens are verified before API servers, in modes all and edge; this is mode {mode}");
        }

        foreach (var section in OwnSections)
        {
            reader.RefuseUnknownKeys(section);
        }

        return settings;
    }
}
