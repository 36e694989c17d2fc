using Edge.Http;
using Edge.Listeners;
using Edge.Proxy;
using Microsoft.AspNetCore.HttpOverrides;

namespace Edge.Program;

/// <summary>
/// What every request on a public listener passes first, whatever the mode: its id, the guard against two-faced framing and paths, the
/// headers of one connection, the forwarding headers.
/// </summary>
internal static class FrontDoor
{
    /// <summary>Needs the services of the listeners.</summary>
    public static void UseFrontDoor(this WebApplication app)
    {
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Edge.Program.FrontDoor");
        app.Use(RequestId.AssignAsync);
        app.Use((context, next) => RequestGuard.RunAsync(context, next, logger));
        app.Use(ConnectionOptions.RemoveAsync);
        app.UseMiddleware<ForwardedOrigin>();

        // With nobody to trust, the framework's middleware would trust everybody.
        var trusted = app.Services.GetRequiredService<TrustedProxySet>();
        if (trusted.Networks.Count > 0)
        {
            app.UseForwardedHeaders(Believe(trusted));
        }
    }

    private static ForwardedHeadersOptions Believe(TrustedProxySet trusted)
    {
        // The Host stays the client's: API servers compare it with the Origin.
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
