using ControlPlane.Agents;
using ControlPlane.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Statistics;

/// <summary>Registers the route of agents' traffic reports, and the metrics from them.</summary>
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
