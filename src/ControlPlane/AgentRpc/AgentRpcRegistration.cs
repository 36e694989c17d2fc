using ControlPlane.Agents;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.AgentRpc;

/// <summary>Registers and maps the dRPC services of agents.</summary>
internal static class AgentRpcRegistration
{
    public static IServiceCollection AddAgentRpc(this IServiceCollection services) => services
        .AddSingleton<ManifestRpc>()
        .AddSingleton<StateRpc>()
        .AddSingleton<ReportsRpc>()
        .AddSingleton<LogsRpc>()
        .AddSingleton<AgentService>()
        .AddSingleton<ResourcesRpc>()
        .AddSingleton<SubAgentsRpc>()
        .AddSingleton<BoundaryCounter>()
        .AddSingleton<ContextRpc>()
        .AddSingleton<LaterAgentService>()
        .AddSingleton<RpcApi>();

    public static void MapAgentRpc(this IEndpointRouteBuilder routes)
    {
        routes.MapAgent("/rpc", HttpMethods.Get, routes.ServiceProvider.GetRequiredService<RpcApi>().ServeAsync);
    }
}
