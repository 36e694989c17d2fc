using ControlPlane.Agents;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Reinit;

/// <summary>Registers the claims of workspaces, and the event stream that makes agents reinitialize.</summary>
internal static class ReinitRegistration
{
    public static IServiceCollection AddReinit(this IServiceCollection services) => services
        .AddSingleton<ReinitSignals>()
        .AddSingleton<ClaimStore>()
        .AddSingleton<ReinitApi>();

    public static void MapReinit(this IEndpointRouteBuilder routes)
    {
        routes.MapAgent("/reinit", HttpMethods.Get, routes.ServiceProvider.GetRequiredService<ReinitApi>().GetAsync);
    }
}
