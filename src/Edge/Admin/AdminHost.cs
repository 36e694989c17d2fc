using System.Net;
using ControlPlane;
using ControlPlane.Administration;
using Edge.Derp.Live;
using Edge.Drain;
using Edge.Hosting;
using Edge.Http;
using Edge.Listeners;
using Edge.Settings;
using Edge.Telemetry;
using Relay.Derp;

namespace Edge.Admin;

/// <summary>
/// The admin host with its own listener. <c>/healthz</c>, <c>/readyz</c> and <c>/metrics</c> are open. All other paths require the
/// admin token, and refuse requests from web pages (<c>Origin</c>) and for host names that an attacker may control (DNS rebinding).
/// </summary>
internal static class AdminHost
{
    public static WebApplication Create(
        HostFactory hosts,
        EdgeOptions options,
        AdminToken token,
        Readiness readiness,
        Func<Task<NodeStatus>> status,
        Func<DerpServer?> derp,
        Func<IServiceProvider?> api)
    {
        var builder = hosts.CreateBuilder();
        builder.WebHost.UseKestrelCore().UseUrls(options.AdminUrl.GetLeftPart(UriPartial.Authority));
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.AddServerHeader = false);

        // Kestrel's own sockets call accept without a pause when descriptors run out.
        builder.Services.AddSocketListeners(DescriptorReserve.Own);
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<PrometheusExporter>();

        // This host starts first and stops last, so its telemetry covers the other hosts completely.
        builder.AddEdgeOpenTelemetry(hosts.Configuration);

        var app = builder.Build();
        var exporter = app.Services.GetRequiredService<PrometheusExporter>();
        app.UseRouting();
        app.Use((context, next) => GuardAsync(context, next, options.AdminUrl.Host, token));
        app.MapPage("/healthz", static context => Results.Text("OK\n").ExecuteAsync(context)).WithMetadata(Anonymous.Instance);
        app.MapPage("/readyz", async context => await (await readiness.NotReadyReasonAsync() is { } reason
            ? Results.Text(reason + "\n", statusCode: StatusCodes.Status503ServiceUnavailable)
            : Results.Text("OK\n")).ExecuteAsync(context)).WithMetadata(Anonymous.Instance);
        app.MapPage("/metrics", async context =>
        {
            await ControlPlaneApplication.RefreshMetricsAsync(api(), context.RequestAborted);
            context.Response.ContentType = PrometheusExporter.ContentType;
            await exporter.WriteAsync(context.Response.BodyWriter, context.RequestAborted);
        }).WithMetadata(Anonymous.Instance);
        app.MapPage("/status", async context => await Results.Json(await status(), AdminJson.Default.NodeStatus).ExecuteAsync(context));
        TrafficPages.Map(app, derp, hosts.Time);
        app.MapAdministration(api);
        app.MapFallback(static context => new EdgeError("Route not found.").WriteAsync(context, StatusCodes.Status404NotFound));
        return app;
    }

    /// <summary>Maps GET, and HEAD with the same headers (RFC 9110 §9.3.2). Kestrel omits the content.</summary>
    private static IEndpointConventionBuilder MapPage(this WebApplication app, string path, RequestDelegate handler) =>
        app.MapMethods(path, [HttpMethods.Get, HttpMethods.Head], handler);

    private static Task GuardAsync(HttpContext context, RequestDelegate next, string ownHost, AdminToken token)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<Anonymous>() is not null)
        {
            return next(context);
        }

        if (context.Request.Headers.ContainsKey("Origin"))
        {
            return new EdgeError("Forbidden.", "The admin listener does not accept requests from web pages.")
                .WriteAsync(context, StatusCodes.Status403Forbidden);
        }

        // An attacker's DNS can point a name at this address, but an address literal always means this listener.
        var host = context.Request.Host.Host;
        if (!host.Equals(ownHost, StringComparison.OrdinalIgnoreCase)
            && !host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            && !IPAddress.TryParse(host.Trim('[', ']'), out _))
        {
            return new EdgeError("Forbidden.", "The Host must be an IP address, localhost or the host of Edge:Admin:Url.")
                .WriteAsync(context, StatusCodes.Status403Forbidden);
        }

        const string Scheme = "Bearer ";
        var authorization = context.Request.Headers.Authorization.ToString();
        if (!authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            || !token.Matches(authorization[Scheme.Length..].Trim()))
        {
            context.Response.Headers.WWWAuthenticate = "Bearer realm=\"edge-admin\"";
            return new EdgeError(
                "The admin token is required.",
                "Send it as \"Authorization: Bearer …\"; the first start wrote it to bootstrap.json in the data directory.")
                .WriteAsync(context, StatusCodes.Status401Unauthorized);
        }

        return next(context);
    }

    /// <summary>Metadata of endpoints for probes and scrapers, which need no token.</summary>
    private sealed class Anonymous
    {
        public static readonly Anonymous Instance = new();
    }
}
