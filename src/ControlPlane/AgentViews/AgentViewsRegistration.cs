using ControlPlane.Agents;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.AgentViews;

/// <summary>Registers and maps the view of an agent for its owner.</summary>
internal static class AgentViewsRegistration
{
    public static IServiceCollection AddAgentViews(this IServiceCollection services) => services
        .AddSingleton<AgentViewApi>();

    public static void MapAgentViews(this IEndpointRouteBuilder routes)
    {
        routes.MapOwned("", HttpMethods.Get, routes.ServiceProvider.GetRequiredService<AgentViewApi>().GetAsync);
    }
}
