using Edge.Http;
using Yarp.ReverseProxy.Model;

namespace Edge.Proxy;

/// <summary>
/// Refuses a path of two routes: the edge matches decoded paths, and what is forwarded has the client's escapes. An API server that compares
/// those as they stand would take <c>/%61dmin</c> for another path than <c>/admin</c>, whose route the edge has chosen.
/// </summary>
internal static class RouteReadings
{
    /// <summary>Routes requests, and those with escapes that they need not have twice: with these left as they are, and decoded.</summary>
    public static void UseRoutingOfOneReading(this IApplicationBuilder app)
    {
        app.Use(static (context, next) =>
        {
            if (RequestTarget.OtherReading(context.Request) is { } other)
            {
                context.Features.Set(new Other(context.Request.Path));

                // From a string it would be decoded.
                context.Request.Path = new PathString(other);
            }

            return next(context);
        });
        app.UseRouting();
        app.Use(static (context, next) =>
        {
            if (context.Features.Get<Other>() is { } other)
            {
                other.Route = RouteOf(context);
                context.SetEndpoint(null);
                context.Request.Path = other.Path;
            }

            return next(context);
        });

        // Does nothing where the first one has found an endpoint.
        app.UseRouting();
        app.Use(static (context, next) => context.Features.Get<Other>() is { } other && other.Route != RouteOf(context)
            ? new ApiError("The path is ambiguous.", "With characters percent-encoded that need not be, it belongs to another route than without.")
                .WriteAsync(context, StatusCodes.Status400BadRequest)
            : next(context));
    }

    // By name: a reload of the configuration makes new endpoints.
    private static string? RouteOf(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<RouteModel>()?.Config.RouteId;

    /// <summary>The other reading.</summary>
    /// <param name="path">The path as it is decoded.</param>
    private sealed class Other(PathString path)
    {
        public PathString Path => path;

        /// <summary>The route with the escapes left as they are.</summary>
        public string? Route { get; set; }
    }
}
