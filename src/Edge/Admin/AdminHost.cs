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
/// The admin listener, a host of its own. <c>/healthz</c>, <c>/readyz</c> and <c>/metrics</c> are open; all else needs the
/// admin token, and is refused to browsers (an <c>Origin</c>) and to names that could be an attacker's (DNS rebinding).
/// </summary>
internal static class AdminHost
{
    public static WebApplication Create(HostFactory hosts, EdgeOptions options, AdminToken token, Readiness readiness, Func<Task<NodeStatus>> status, Func<DerpServer?> derp, Func<IServiceProvider?> api)
    {
        var builder = hosts.CreateBuilder();
        builder.WebHost.UseKestrelCore().UseUrls(options.AdminUrl.GetLeftPart(UriPartial.Authority));
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.AddServerHeader = false);

        // The server's own sockets would call accept without a pause where there are no descriptors.
        builder.Services.AddSocketListeners(DescriptorReserve.Own);
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<PrometheusExporter>();

        // This host starts first and stops last, so that telemetry misses nothing of the others.
        builder.AddEdgeOpenTelemetry(hosts.Configuration);

        var app = builder.Build();
        var exporter = app.Services.GetRequiredService<PrometheusExporter>();
        app.UseRouting();
        app.Use((context, next) => GuardAsync(context, next, options.AdminUrl.Host, token));
        app.MapPage("/healthz", static context => Results.Text("OK\n").ExecuteAsync(context)).WithMetadata(OpenToAll.Instance);
        app.MapPage("/readyz", async context => await (await readiness.NotReadyReasonAsync() is { } reason
            ? Results.Text(reason + "\n", statusCode: StatusCodes.Status503ServiceUnavailable)
            : Results.Text("OK\n")).ExecuteAsync(context)).WithMetadata(OpenToAll.Instance);
        app.MapPage("/metrics", async context =>
        {
            await ControlPlaneApplication.RefreshMetricsAsync(api(), context.RequestAborted);
            context.Response.ContentType = PrometheusExporter.ContentType;
            await exporter.WriteAsync(context.Response.BodyWriter, context.RequestAborted);
        }).WithMetadata(OpenToAll.Instance);
        app.MapPage("/status", async context => await Results.Json(await status(), AdminJson.Default.NodeStatus).ExecuteAsync(context));
        TrafficPages.Map(app, derp, hosts.Time);
        app.MapAdministration(api);
        app.MapFallback(static context => new ApiError("Route not found.").WriteAsync(context, StatusCodes.Status404NotFound));
        return app;
    }

    /// <summary>Serves GET, and HEAD with the same headers (RFC 9110 §9.3.2); the server core leaves the content out.</summary>
    private static IEndpointConventionBuilder MapPage(this WebApplication app, string path, RequestDelegate handler) =>
        app.MapMethods(path, [HttpMethods.Get, HttpMethods.Head], handler);

    private static Task GuardAsync(HttpContext context, RequestDelegate next, string ownHost, AdminToken token)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<OpenToAll>() is not null)
        {
            return next(context);
        }

        if (context.Request.Headers.ContainsKey("Origin"))
        {
            return new ApiError("Forbidden.", "The admin listener takes no requests from web pages.")
                .WriteAsync(context, StatusCodes.Status403Forbidden);
        }

        // Only a name can be rebound to this address by somebody else's DNS; an address literal names us and nobody else.
        var host = context.Request.Host.Host;
        if (!host.Equals(ownHost, StringComparison.OrdinalIgnoreCase)
            && !host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            && !IPAddress.TryParse(host.Trim('[', ']'), out _))
        {
            return new ApiError("Forbidden.", "The Host must be an IP address, localhost or the host of Edge:Admin:Url.")
                .WriteAsync(context, StatusCodes.Status403Forbidden);
        }

        const string Scheme = "Bearer ";
        var authorization = context.Request.Headers.Authorization.ToString();
        if (!authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) || !token.Matches(authorization[Scheme.Length..].Trim()))
        {
            context.Response.Headers.WWWAuthenticate = "Bearer realm=\"edge-admin\"";
            return new ApiError("The admin token is required.", "Send it as \"Authorization: Bearer …\"; the first start wrote it to bootstrap.json in the data directory.")
                .WriteAsync(context, StatusCodes.Status401Unauthorized);
        }

        return next(context);
    }

    /// <summary>Marks what probes and scrapers may read without a token.</summary>
    private sealed class OpenToAll
    {
        public static readonly OpenToAll Instance = new();
    }
}
