using Edge.Http;
using Edge.Listeners;
using Edge.Proxy;
using Microsoft.AspNetCore.HttpOverrides;

namespace Edge.Program;

/// <summary>
/// The first middleware of every public listener, in all modes: request ids, the guard against ambiguous framing and paths, the
/// headers of one connection, the forwarding headers.
/// </summary>
internal static class FrontDoor
{
    /// <summary>Adds the middleware. Needs <see cref="EdgeConnectionsExtensions.AddEdgeConnections"/>.</summary>
    public static void UseFrontDoor(this WebApplication app)
    {
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Edge.Program.FrontDoor");
        app.Use(RequestId.AssignAsync);
        app.Use((context, next) => RequestGuard.RunAsync(context, next, logger));
        app.Use(ConnectionOptions.RemoveAsync);
        app.UseMiddleware<ForwardedOrigin>();

        // With empty lists of known proxies, ASP.NET Core's middleware trusts every client.
        var trusted = app.Services.GetRequiredService<TrustedProxySet>();
        if (trusted.Networks.Count > 0)
        {
            app.UseForwardedHeaders(Trust(trusted));
        }
    }

    private static ForwardedHeadersOptions Trust(TrustedProxySet trusted)
    {
        // The Host header stays the client's: API servers compare it with Origin.
        var options = new ForwardedHeadersOptions
        {
            ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto,
            ForwardLimit = null,
        };
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (var network in trusted.Networks)
        {
            options.KnownIPNetworks.Add(network);
        }

        return options;
    }
}
