using ControlPlane.Hosting;
using Edge.Derp.Admission;
using Edge.Derp.Bootstrap;
using Edge.Derp.Mesh;
using Edge.Derp.Rates;
using Edge.Derp.Tls;
using Relay.Derp;
using Relay.Derp.Wire;

namespace Edge.Derp;

/// <summary>Adds the DERP server to the public host.</summary>
internal static class DerpExtensions
{
    /// <summary>
    /// Registers the DERP server, its admission, its mesh, its rate limits and its metrics. A wrong file that the settings name is an
    /// error of the host's start.
    /// </summary>
    /// <param name="services">The public host's services.</param>
    /// <param name="settings">The settings of the relay.</param>
    /// <param name="key">The server's private key.</param>
    public static IServiceCollection AddDerp(this IServiceCollection services, DerpSettings settings, NodePrivateKey key) => services
        .AddSingleton(settings)
        .AddDerpAdmission(settings.Admission)
        .AddSingleton(provider => new DerpServer(
            key, settings.Server, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<DerpServer>>())
        {
            Admission = provider.AdmissionOf(),
        })
        .AddStarted<DerpMetrics>()
        .AddSingleton<DerpMesh>()
        .AddStarted<DerpRateLimits>()
        .AddSingleton<BootstrapDns>()
        .AddSingleton(static provider => new MetaCertificate(
            provider.GetRequiredService<DerpServer>().PublicKey, provider.GetRequiredService<TimeProvider>()))
        .AddSingleton<MetaChain>()
        .AddStarted<DerpNode>();

    /// <summary>Serves DERP and its pages. Comes before authentication: only admission decides about DERP.</summary>
    public static void UseDerp(this WebApplication app)
    {
        app.UseDerpTokenGate();
        app.UseMiddleware<DerpMiddleware>();
    }
}
