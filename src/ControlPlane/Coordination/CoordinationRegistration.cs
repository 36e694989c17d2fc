using ControlPlane.Agents;
using ControlPlane.Hosting;
using ControlPlane.Http;
using ControlPlane.Users;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Tailnet.Coordination;

namespace ControlPlane.Coordination;

/// <summary>Registers and maps the coordination of tailnets, and the DERP map.</summary>
internal static class CoordinationRegistration
{
    public static IServiceCollection AddCoordination(this IServiceCollection services) => services
        .AddSingleton(NewCoordinator)
        .AddSingleton<ICoordinator>(static provider => provider.GetRequiredService<ICoordinatorHost>())
        .AddSingleton<AgentLatencies>()
        .AddSingleton<DerpMaps>()
        .AddSingleton(static provider => provider.GetRequiredService<DerpMaps>().Publisher)
        .AddSingleton(static provider => provider.GetRequiredService<DerpMaps>().Relays)
        .AddHosted<DerpMapSources>()
        .AddSingleton<RelayProbe>()
        .AddHostedService<RelayProber>()
        .AddSingleton<ResumeTokenKeys>()
        .AddSingleton<TelemetryCounter>()
        .AddSingleton<WorkspaceSignals>()
        .AddSingleton<WorkspaceWatch>()
        .AddSingleton<TailnetSessions>()
        .AddSingleton<JsonSessions>()
        .AddSingleton<CoordinateApi>()
        .AddSingleton<ConnectionApi>()
        .AddSingleton<DerpMapApi>();

    public static void MapCoordination(this IEndpointRouteBuilder routes)
    {
        var coordination = routes.ServiceProvider.GetRequiredService<CoordinateApi>();
        var users = routes.ServiceProvider.GetRequiredService<UserAuthentication>();
        routes.MapRoute(ApiRoutes.Root + "/tailnet", HttpMethods.Get, users.Session(coordination.TailnetAsync));
        routes.MapOwned("/coordinate", HttpMethods.Get, coordination.CoordinateAsync);
        routes.MapAgent("/coordinate", HttpMethods.Get, routes.ServiceProvider.GetRequiredService<JsonSessions>().ServeAgentAsync);

        var connection = routes.ServiceProvider.GetRequiredService<ConnectionApi>();
        routes.MapRoute(
            AgentRoutes.All + "/connection", HttpMethods.Get, users.SessionOrProxy((context, _) => connection.GetAsync(context)));
        routes.MapOwned("/connection", HttpMethods.Get, (context, _) => connection.GetAsync(context));
        routes.MapRoute(ApiRoutes.Root + "/derp-map", HttpMethods.Get, routes.ServiceProvider.GetRequiredService<DerpMapApi>().GetAsync);
    }

    /// <summary>The coordinator, which is closed with all its sessions when the host stops.</summary>
    private static ICoordinatorHost NewCoordinator(IServiceProvider services)
    {
        var coordinator = new InMemoryCoordinator();
        services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(coordinator.Close);
        return coordinator;
    }
}
