using ControlPlane.Agents;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Machine;

/// <summary>Registers the routes for containers and ports of agents' machines.</summary>
internal static class MachineRegistration
{
    public static IServiceCollection AddMachine(this IServiceCollection services) => services
        .AddSingleton<ContainersApi>()
        .AddSingleton<ListeningPortsApi>();

    public static void MapMachine(this IEndpointRouteBuilder routes)
    {
        var containers = routes.ServiceProvider.GetRequiredService<ContainersApi>();
        routes.MapOwned("/containers", HttpMethods.Get, containers.GetAsync);
        routes.MapOwned("/containers/watch", HttpMethods.Get, containers.WatchAsync);
        routes.MapOwned("/containers/devcontainers/{devcontainer}/recreate", HttpMethods.Post, containers.RecreateAsync);
        routes.MapOwned("/containers/devcontainers/container/{container}/recreate", HttpMethods.Post, containers.RecreateByContainerAsync);
        routes.MapOwned("/listening-ports", HttpMethods.Get, routes.ServiceProvider.GetRequiredService<ListeningPortsApi>().GetAsync);
    }
}
