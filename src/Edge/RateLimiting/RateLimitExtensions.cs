using Edge.Listeners;

namespace Edge.RateLimiting;

/// <summary>Adds the rate limit to the public host.</summary>
internal static class RateLimitExtensions
{
    /// <summary>Registers the rate limit and its tables of fixed size.</summary>
    public static IServiceCollection AddEdgeRateLimit(this IServiceCollection services, RateLimitOptions options)
    {
        services.AddAccessMetrics();
        services.AddSingleton(options);
        services.AddSingleton<RateWindows>();
        services.AddSingleton<AcceptedCredentials>();
        services.AddSingleton<CallerHash>();
        return services;
    }

    /// <summary>
    /// Adds the rate limit, unless it is 0. It comes after the forwarded headers, which set the client's address, and before
    /// authentication, so that requests with invalid tokens count too, and a valid token is still in the request.
    /// </summary>
    public static IApplicationBuilder UseEdgeRateLimit(this IApplicationBuilder app)
    {
        var services = app.ApplicationServices;
        var options = services.GetRequiredService<RateLimitOptions>();
        if (options.PerMinute > 0)
        {
            var windows = services.GetRequiredService<RateWindows>();
            var accepted = services.GetRequiredService<AcceptedCredentials>();
            var hash = services.GetRequiredService<CallerHash>();
            var metrics = services.GetRequiredService<AccessMetrics>();
            app.Use(next => new RateLimitMiddleware(next, options, windows, accepted, hash, metrics).InvokeAsync);
        }

        return app;
    }
}
