using ControlPlane.Agents;
using ControlPlane.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Statistics;

/// <summary>What agents report of their traffic, and the metrics of it.</summary>
internal static class StatisticsRegistration
{
    public static IServiceCollection AddStatistics(this IServiceCollection services) => services
        .AddSingleton<StatsStore>()
        .AddHosted<StatsBuffer>()
        .AddSingleton<StatsApi>()
        .AddStarted<StatsMetrics>();

    public static void MapStatistics(this IEndpointRouteBuilder routes)
    {
        routes.MapReport("/report-stats", HttpMethods.Post, routes.ServiceProvider.GetRequiredService<StatsApi>().PostAsync);
    }
}
