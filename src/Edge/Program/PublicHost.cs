using Edge.Authentication;
using Edge.Derp;
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
using Relay.Derp.Wire;

namespace Edge.Program;

/// <summary>
/// The host for clients. A request passes through, in this order: the guard against ambiguous framing, the forwarding headers,
/// DERP and its pages, the rate limit, authentication, and the proxy. In the proxy, upgrades become streams, and YARP forwards all
/// other requests.
/// </summary>
internal static class PublicHost
{
    public static WebApplication Create(
        HostFactory hosts,
        NodeSettings settings,
        DataDirectory data,
        PublicListeners listeners,
        NodePrivateKey? derpKey,
        InProcessApplication inProcess)
    {
        var builder = hosts.CreateBuilder();
        builder.WebHost.UseKestrelCore();
        listeners.Apply(builder);
        builder.Services
            .AddRoutingCore()
            .AddEdgeRequestSpans(hosts.Configuration)
            .AddEdgeRateLimit(settings.RateLimit)
            .AddEdgeAuthentication(settings.Jwt)
            .AddStreams();
        if (settings.Options.Proxies)
        {
            builder.Services.AddEdgeProxy(settings.Options, hosts.Configuration, data).AddStreamUpgrades();
        }

        if (derpKey is not null)
        {
            builder.Services.AddDerp(settings.Derp, derpKey);
        }

        if (settings.Derp.Stun)
        {
            builder.Services.AddStun(settings.Derp.StunPort, listeners.EndPoints);
        }

        var app = builder.Build();
        app.UseFrontDoor();
        if (derpKey is not null)
        {
            app.UseDerp();
        }

        // After the relay's pages, which cost nothing and which many clients behind one address ask for.
        app.UseEdgeRateLimit();
        app.UseEdgeAuthentication();
        if (settings.Options.Proxies)
        {
            app.UseMiddleware<LongPollDrainMiddleware>();
        }

        // Before routing, which has the same answer for all requests of the embedded API server.
        if (settings.Options.EmbedsApiServer)
        {
            app.UseMiddleware<EmbeddedApi>(inProcess);
        }

        app.UseUnambiguousRouting();
        if (settings.Options.Proxies)
        {
            app.MapEdgeProxy(static proxy => proxy.UseStreamUpgrades());
        }

        var unknown = new EdgeError("Route not found.", settings.Options.Proxies
            ? "No route of the edge's configuration matches."
            : "This node is a relay and forwards no requests to API servers.");
        app.MapFallback("/{**path}", context => unknown.WriteAsync(context, StatusCodes.Status404NotFound));
        return app;
    }
}
