using Edge.Authentication;
using Edge.Derp;
using Edge.Derp.Admission;
using Edge.Drain;
using Edge.Hosting;
using Edge.Http;
using Edge.InProcess;
using Edge.Listeners;
using Edge.Proxy;
using Edge.RateLimiting;
using Edge.Settings;
using Edge.Telemetry;
using Edge.Upgrades;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Relay.Derp;
using Relay.Derp.Wire;
using Relay.Streams;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;

namespace Edge.Program;

/// <summary>
/// The host that clients speak to. A request passes, in this order: the guard against two-faced framing, the forwarding
/// headers, the rate limit, authentication, and the proxy, in which upgrades leave for the stream relay and all else is
/// YARP's.
/// </summary>
internal static class PublicHost
{
    public static WebApplication Create(
        HostFactory hosts, NodeSettings settings, DataDirectory data, PublicListeners listeners, NodePrivateKey? derpKey, InProcessApplication inProcess)
    {
        var builder = hosts.CreateBuilder();
        builder.WebHost.UseKestrelCore();
        listeners.Apply(builder);
        AddServices(builder.Services, hosts, settings, data);
        if (derpKey is not null)
        {
            builder.Services.AddDerpAdmission(settings.Derp.Admission);
            builder.Services.AddSingleton(services =>
            {
                var logger = services.GetRequiredService<ILogger<DerpServer>>();
                return new DerpServer(derpKey, settings.Derp.Server, hosts.Time, logger) { Admission = services.AdmissionOf() };
            });
            builder.Services.AddSingleton<DerpMetrics>();
            DerpNode.AddTo(builder.Services, settings.Derp);
        }

        var app = builder.Build();
        app.Services.GetService<BackendMetrics>();
        app.Services.GetService<DerpMetrics>();
        app.Services.GetService<DerpNode>();
        app.UseFrontDoor();
        if (settings.Derp.Serves)
        {
            app.UseDerpTokenGate();
            app.UseMiddleware<DerpMiddleware>();
        }

        // After the relay's pages: many clients behind one address ask for them, and they cost nothing.
        app.UseEdgeRateLimit();
        app.UseEdgeAuthentication();
        if (settings.Options.Proxies)
        {
            app.UseMiddleware<LongPollDrainMiddleware>();
        }

        // Before routing, which has one answer for all requests then.
        if (settings.Options.EmbedsApiServer)
        {
            app.UseMiddleware<EmbeddedApi>(inProcess);
        }

        app.UseRoutingOfOneReading();
        if (settings.Options.Proxies)
        {
            MapProxy(app);
        }

        var unknown = new ApiError("Route not found.", settings.Options.Proxies
            ? "No route of the edge's configuration matches."
            : "This node is a relay; it forwards nothing to API servers.");
        app.MapFallback("/{**path}", context => unknown.WriteAsync(context, StatusCodes.Status404NotFound));
        return app;
    }

    private static void MapProxy(WebApplication app)
    {
        try
        {
            app.MapReverseProxy(static proxy =>
            {
                proxy.UseMiddleware<ProxyErrors>();
                proxy.UseMiddleware<FailoverMiddleware>();
                proxy.UseSessionAffinity();
                proxy.UseLoadBalancing();
                proxy.UsePassiveHealthChecks();
                proxy.UseMiddleware<StreamMiddleware>();
            });
        }
        catch (InvalidOperationException error)
        {
            throw new SettingsException("ReverseProxy", null, ReloadLog.Causes(error.InnerException ?? error));
        }
    }

    private static void AddServices(IServiceCollection services, HostFactory hosts, NodeSettings settings, DataDirectory data)
    {
        services.AddRoutingCore();
        services.AddSingleton(new StreamRelayOptions());
        services.AddSingleton<StreamRelay>();
        services.AddEdgeRequestSpans(hosts.Configuration);
        services.AddSingleton<StreamMetrics>();
        services.AddEdgeRateLimit(settings.RateLimit);
        services.AddEdgeAuthentication(settings.Jwt);
        if (!settings.Options.Proxies)
        {
            return;
        }

        services.AddSingleton<RequestOutcomes>();
        services.AddSingleton<BackendHealth>();
        services.AddSingleton<BackendMetrics>();
        services.AddSingleton<IActiveHealthCheckPolicy, ProbePolicy>();
        services.AddSingleton<IAvailableDestinationsPolicy, AvailabilityPolicy>();
        services.Configure<TransportFailureRateHealthPolicyOptions>(static options => options.DetectionWindowSize = ProxyDefaults.FailureWindow);
        services.AddSingleton(new BackendConnector(settings.Options.EmbedsApiServer ? data.ApiSocket : null, ProxyDefaults.ConnectTimeout));
        services.AddSingleton<StreamConnector>();
        services.AddSingleton<TerminalHealth>();
        services.AddSingleton<TerminalResumption>();
        services.AddSingleton<IForwarderHttpClientFactory, BackendHttpClientFactory>();

        // YARP's session affinity seals its cookies; the keys belong with the node's other secrets, not into the home directory.
        services.AddDataProtection().SetApplicationName("Edge").PersistKeysToFileSystem(new DirectoryInfo(data.File("affinity-keys")));
        var proxy = services.AddReverseProxy().AddConfigFilter<ClusterRules>().AddTransforms<ForwardingTransforms>();

        // YARP brings authorization along, and the host would put its middleware before all others, where there is nothing for it to decide.
        services.RemoveAll<IAuthorizationHandlerProvider>();
        if (settings.Options.HasReverseProxySection)
        {
            services.AddSingleton<ReloadLog>();
            services.AddSingleton<IConfigChangeListener>(static provider => provider.GetRequiredService<ReloadLog>());
            services.AddSingleton<IProxyConfigProvider>(provider => new ReverseProxySection(
                hosts.Configuration.GetSection("ReverseProxy"), provider.GetRequiredService<ReloadLog>()));
        }
        else
        {
            var (routes, clusters) = BackendsConfig.Create(
                settings.Options.EmbedsApiServer ? [new Uri($"http://{BackendConnector.EmbeddedHost}")] : settings.Options.Backends);
            proxy.LoadFromMemory(routes, clusters);
        }
    }
}
