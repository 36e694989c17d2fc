using ControlPlane.Agents;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Dialing;

/// <summary>Registers TCP connections to agents and pings, for the agents' owners. The host may add an <c>IAgentDialer</c>.</summary>
internal static class DialingRegistration
{
    public static IServiceCollection AddDialing(this IServiceCollection services) => services
        .AddSingleton<AgentDialing>()
        .AddSingleton<TcpApi>()
        .AddSingleton<PingApi>();

    public static void MapDialing(this IEndpointRouteBuilder routes)
    {
        routes.MapOwned("/tcp", HttpMethods.Get, routes.ServiceProvider.GetRequiredService<TcpApi>().GetAsync);
        routes.MapOwned("/ping", HttpMethods.Get, routes.ServiceProvider.GetRequiredService<PingApi>().GetAsync);
    }
}
