using ControlPlane.Agents;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Apps;

/// <summary>Registers and maps the reports of agents about their apps.</summary>
internal static class AppsRegistration
{
    public static IServiceCollection AddApps(this IServiceCollection services) => services
        .AddSingleton<AppReports>()
        .AddSingleton<AppsApi>();

    public static void MapApps(this IEndpointRouteBuilder routes)
    {
        var apps = routes.ServiceProvider.GetRequiredService<AppsApi>();
        routes.MapAgent("/app-health", HttpMethods.Post, apps.PostHealthAsync);
        routes.MapAgent("/app-status", HttpMethods.Patch, apps.PatchStatusAsync);
    }
}
