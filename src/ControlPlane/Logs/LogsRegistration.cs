using ControlPlane.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Logs;

/// <summary>Registers the routes by which agents send log lines and users read and follow them.</summary>
internal static class LogsRegistration
{
    public static IServiceCollection AddLogs(this IServiceCollection services) => services
        .AddSingleton(static provider =>
            new UserConcurrencyLimiter(provider.GetRequiredService<ControlPlaneOptions>().MaxLogAnswersPerUser))
        .AddSingleton<LogStore>()
        .AddSingleton<LogSourceStore>()
        .AddSingleton<LogSignals>()
        .AddSingleton<LogTails>()
        .AddSingleton<LogFollow>()
        .AddSingleton<SendLogsApi>()
        .AddSingleton<ReadLogsApi>();

    public static void MapLogs(this IEndpointRouteBuilder routes)
    {
        var send = routes.ServiceProvider.GetRequiredService<SendLogsApi>();
        routes.MapAgent("/log-source", HttpMethods.Post, send.PostLogSourceAsync);
        routes.MapReport("/logs", HttpMethods.Patch, send.PatchLogsAsync);
        routes.MapReport("/startup-logs", HttpMethods.Patch, send.PatchLogsAsync);

        var read = routes.ServiceProvider.GetRequiredService<ReadLogsApi>();
        routes.MapOwned("/logs", HttpMethods.Get, read.GetAsync);
        routes.MapOwned("/startup-logs", HttpMethods.Get, read.GetAsync);
    }
}
