using Edge.Http;
using Yarp.ReverseProxy.Model;

namespace Edge.Proxy;

/// <summary>
/// Refuses paths that match different routes in two spellings. The edge matches decoded paths, but forwards the client's
/// escapes. For an API server that does not decode them, <c>/%61dmin</c> is another path than <c>/admin</c>, whose route the edge
/// has chosen.
/// </summary>
internal static class UnambiguousRouting
{
    /// <summary>
    /// Adds routing. It routes a path with unnecessary escapes twice: with these escapes, and decoded.
    /// </summary>
    public static void UseUnambiguousRouting(this IApplicationBuilder app)
    {
        app.Use(static (context, next) =>
        {
            if (RequestTarget.EscapedPath(context.Request) is { } escaped)
            {
                context.Features.Set(new DecodedPath(context.Request.Path));

                // The constructor does not decode; a conversion from string would.
                context.Request.Path = new PathString(escaped);
            }

            return next(context);
        });
        app.UseRouting();
        app.Use(static (context, next) =>
        {
            if (context.Features.Get<DecodedPath>() is { } decoded)
            {
                decoded.EscapedRoute = RouteOf(context);
                context.SetEndpoint(null);
                context.Request.Path = decoded.Path;
            }

            return next(context);
        });

        // Has no effect when the first one has found an endpoint.
        app.UseRouting();
        app.Use(static (context, next) => context.Features.Get<DecodedPath>() is { } decoded && decoded.EscapedRoute != RouteOf(context)
            ? new EdgeError("The path is ambiguous.", "With its unnecessary percent-encoding it belongs to another route than without.")
                .WriteAsync(context, StatusCodes.Status400BadRequest)
            : next(context));
    }

    // Routes are compared by name, because a reload of the configuration creates new endpoints.
    private static string? RouteOf(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<RouteModel>()?.Config.RouteId;

    /// <summary>The decoded path of a request that is routed twice.</summary>
    /// <param name="path">The decoded path.</param>
    private sealed class DecodedPath(PathString path)
    {
        public PathString Path => path;

        /// <summary>The route of the path with its escapes.</summary>
        public string? EscapedRoute { get; set; }
    }
}
