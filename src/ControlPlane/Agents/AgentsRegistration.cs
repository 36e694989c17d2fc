using ControlPlane.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Agents;

/// <summary>Registers agents, the authentication of agents and their owners, and the agents' state reports.</summary>
internal static class AgentsRegistration
{
    public static IServiceCollection AddAgents(this IServiceCollection services) => services
        .AddSingleton<AgentStore>()
        .AddSingleton<AgentAuthentication>()
        .AddSingleton<OwnerAuthentication>()
        .AddSingleton<StateReports>()
        .AddSingleton<StateApi>();

    public static void MapAgents(this IEndpointRouteBuilder routes)
    {
        var state = routes.ServiceProvider.GetRequiredService<StateApi>();
        routes.MapAgent("/report-lifecycle", HttpMethods.Post, state.PostLifecycleAsync);
        routes.MapAgent("/startup", HttpMethods.Post, state.PostStartupAsync);

        // Unknown paths authenticate the request too, before they answer it with 404.
        var agents = routes.ServiceProvider.GetRequiredService<AgentAuthentication>();
        var owners = routes.ServiceProvider.GetRequiredService<OwnerAuthentication>();
        routes.Map(AgentRoutes.Me + "/{**path}", agents.Agent(static (context, _) => ApiRoutes.NotFound(context)));
        routes.Map(AgentRoutes.ById + "/{**path}", owners.Owned(static (context, _) => ApiRoutes.NotFound(context)));
    }
}
