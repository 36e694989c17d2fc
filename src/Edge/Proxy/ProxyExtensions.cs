using ControlPlane.Hosting;
using Edge.Settings;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;

namespace Edge.Proxy;

/// <summary>Adds the proxy before the API servers (YARP) to the public host.</summary>
internal static class ProxyExtensions
{
    private const string Section = "ReverseProxy";

    /// <summary>Registers the proxy: its routes and clusters, its connections to API servers, and their health.</summary>
    /// <param name="services">The public host's services.</param>
    /// <param name="options">The node's settings.</param>
    /// <param name="configuration">The node's configuration, with the section <c>ReverseProxy</c> where it is in use.</param>
    /// <param name="data">The data directory, with the embedded API server's socket.</param>
    public static IServiceCollection AddEdgeProxy(
        this IServiceCollection services, EdgeOptions options, IConfiguration configuration, DataDirectory data)
    {
        services.AddBackendHealth();
        services.AddSingleton(new BackendConnector(options.EmbedsApiServer ? data.ApiSocket : null, ProxyDefaults.ConnectTimeout));
        services.AddSingleton<IForwarderHttpClientFactory, BackendHttpClientFactory>();

        // YARP's session affinity encrypts its cookies. The keys belong to the node's other secrets, not into the home directory.
        services.AddDataProtection()
            .SetApplicationName("Edge")
            .PersistKeysToFileSystem(new DirectoryInfo(data.File("affinity-keys")));
        var proxy = services.AddReverseProxy().AddConfigFilter<ClusterRules>().AddTransforms<ForwardingTransforms>();

        // YARP registers authorization, for which the host would add a middleware before all others. There is nothing to decide there.
        services.RemoveAll<IAuthorizationHandlerProvider>();
        if (options.HasReverseProxySection)
        {
            services.AddSingleton<ReloadLog>();
            services.AddSingleton<IConfigChangeListener>(static provider => provider.GetRequiredService<ReloadLog>());
            services.AddSingleton<IProxyConfigProvider>(provider => new ReverseProxySection(
                configuration.GetSection(Section), provider.GetRequiredService<ReloadLog>()));
        }
        else
        {
            var (routes, clusters) = BackendsConfig.Create(
                options.EmbedsApiServer ? [new Uri($"http://{BackendConnector.EmbeddedHost}")] : options.Backends);
            proxy.LoadFromMemory(routes, clusters);
        }

        return services;
    }

    /// <summary>Maps the proxy's routes.</summary>
    /// <param name="app">The public host.</param>
    /// <param name="last">Adds the last middleware of the proxy's pipeline, after a destination was chosen.</param>
    /// <exception cref="SettingsException">The section <c>ReverseProxy</c> is wrong.</exception>
    public static void MapEdgeProxy(this WebApplication app, Action<IReverseProxyApplicationBuilder> last)
    {
        try
        {
            app.MapReverseProxy(proxy =>
            {
                proxy.UseMiddleware<ProxyErrors>();
                proxy.UseMiddleware<FailoverMiddleware>();
                proxy.UseSessionAffinity();
                proxy.UseLoadBalancing();
                proxy.UsePassiveHealthChecks();
                last(proxy);
            });
        }
        catch (InvalidOperationException error)
        {
            throw new SettingsException(Section, null, ReloadLog.Causes(error.InnerException ?? error));
        }
    }

    private static void AddBackendHealth(this IServiceCollection services)
    {
        services.AddSingleton<RequestOutcomes>();
        services.AddSingleton<BackendHealth>();
        services.AddStarted<BackendMetrics>();
        services.AddSingleton<IActiveHealthCheckPolicy, ProbePolicy>();
        services.AddSingleton<IAvailableDestinationsPolicy, AvailabilityPolicy>();
        services.Configure<TransportFailureRateHealthPolicyOptions>(
            static options => options.DetectionWindowSize = ProxyDefaults.FailureWindow);
    }
}
