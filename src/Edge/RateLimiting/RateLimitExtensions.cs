using Edge.Listeners;

namespace Edge.RateLimiting;

/// <summary>How the host takes the rate limit in.</summary>
internal static class RateLimitExtensions
{
    /// <summary>Registers the rate limit and makes its tables, which never grow.</summary>
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
    /// Limits requests; does nothing when the limit is 0. Goes after forwarded headers, which say whose address counts, and before
    /// authentication, so that wrong tokens count too and a verified one is still there to be seen.
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
