using ControlPlane.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Agents;

/// <summary>Agents, what lets them and their owners in, and what they say of their own state.</summary>
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

        // Who asks is looked at first, also where there is nothing.
        var agents = routes.ServiceProvider.GetRequiredService<AgentAuthentication>();
        var owners = routes.ServiceProvider.GetRequiredService<OwnerAuthentication>();
        routes.Map(AgentRoutes.Me + "/{**path}", agents.Agent(static (context, _) => ApiRoutes.NotFound(context)));
        routes.Map(AgentRoutes.ById + "/{**path}", owners.Owned(static (context, _) => ApiRoutes.NotFound(context)));
    }
}
