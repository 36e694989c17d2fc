using ControlPlane;
using ControlPlane.Connections;
using Edge.Derp;
using Edge.Hosting;
using Edge.Http;
using Edge.InProcess;
using Edge.Listeners;
using Edge.RateLimiting;
using Edge.Settings;
using Edge.TailnetNode;
using Edge.Telemetry;

namespace Edge.Program;

/// <summary>The host of the API server: embedded in the edge, or alone on the public listeners.</summary>
internal static class ApiHost
{
    /// <summary>
    /// The embedded API server, reachable only by this user: inside the process for requests, and on a Unix socket for streams, which
    /// need real sockets.
    /// </summary>
    public static WebApplication CreateEmbedded(
        HostFactory hosts,
        DataDirectory data,
        Uri? publicUrl,
        NodeSettings settings,
        IAgentConnection? localAgent,
        InProcessApplication requests)
    {
        var builder = CreateBuilder(hosts, data, publicUrl, settings, localAgent);

        // The edge's own sockets, as in mode "api": streams run on the threads that receive their bytes.
        builder.Services.AddSocketListeners(DescriptorReserve.Own);
        builder.Services.AddInProcess(requests);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            HeaderBytes.Apply(kestrel);

            // The public listeners have checked the size already. Only one place decides.
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.ListenUnixSocket(data.ApiSocket);
        });
        var app = builder.Build();
        app.UseControlPlane();
        return app;
    }

    /// <summary>Mode <c>api</c>: the API server without an edge before it.</summary>
    public static WebApplication CreateAlone(
        HostFactory hosts,
        DataDirectory data,
        Uri? publicUrl,
        NodeSettings settings,
        PublicListeners listeners,
        IAgentConnection? localAgent)
    {
        var builder = CreateBuilder(hosts, data, publicUrl, settings, localAgent);
        builder.Services.AddEdgeRateLimit(settings.RateLimit);
        listeners.Apply(builder);
        if (settings.Derp.Stun)
        {
            builder.Services.AddStun(settings.Derp.StunPort, listeners.EndPoints);
        }

        var app = builder.Build();
        app.UseFrontDoor();
        app.UseEdgeRateLimit();
        app.UseControlPlane();
        return app;
    }

    private static WebApplicationBuilder CreateBuilder(
        HostFactory hosts, DataDirectory data, Uri? publicUrl, NodeSettings settings, IAgentConnection? localAgent)
    {
        var builder = hosts.CreateBuilder();
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRoutingCore();
        builder.Services.AddEdgeRequestSpans(hosts.Configuration);
        builder.Services.AddControlPlane(new ControlPlaneOptions
        {
            DataDirectory = data.Path,
            Database = settings.ControlPlane.Database,
            PublicUrl = publicUrl,
            HostnameSuffix = settings.ControlPlane.HostnameSuffix,
            DerpMap = settings.ControlPlane.DerpMap,
            ExternalAuth = settings.ExternalAuth,
            InstanceIdentity = settings.InstanceIdentity,
            LocalAgent = localAgent,
        });
        builder.Services.AddTailnetNode(settings.TailnetNode);
        return builder;
    }
}
