using ControlPlane.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Agents;

/// <summary>Maps the routes of agents, <c>me</c>, and of their owners, <c>{workspaceagent}</c>, each with its authentication.</summary>
internal static class AgentRoutes
{
    public const string All = ApiRoutes.Root + "/workspaceagents";
    public const string Me = All + "/me";
    public const string ById = All + "/{" + OwnerAuthentication.RouteParameter + "}";

    /// <summary>Maps a path below <see cref="Me"/>, for the agent itself.</summary>
    public static void MapAgent(this IEndpointRouteBuilder routes, string path, string method, Func<HttpContext, Agent, Task> handler) =>
        routes.MapAgent(path, (method, handler));

    /// <summary>Maps a path below <see cref="Me"/> with several methods.</summary>
    public static void MapAgent(
        this IEndpointRouteBuilder routes, string path, params (string Method, Func<HttpContext, Agent, Task> Handler)[] methods)
    {
        var authentication = routes.ServiceProvider.GetRequiredService<AgentAuthentication>();
        routes.Map(Me + path, authentication.Agent(ApiRoutes.OnlyMethods<Agent>(methods)))
            .WithMethods(methods.Select(static one => one.Method));
    }

    /// <summary>Maps a path below <see cref="Me"/> for frequent reports; the handler gets only the agent's id.</summary>
    public static void MapReport(this IEndpointRouteBuilder routes, string path, string method, Func<HttpContext, Guid, Task> handler)
    {
        var authentication = routes.ServiceProvider.GetRequiredService<AgentAuthentication>();
        routes.Map(Me + path, authentication.Reporter(ApiRoutes.OnlyMethods<Guid>((method, handler))))
            .WithMethods(method);
    }

    /// <summary>Maps a path below <see cref="ById"/>, for the agent's owner.</summary>
    public static void MapOwned(this IEndpointRouteBuilder routes, string path, string method, Func<HttpContext, Agent, Task> handler)
    {
        var authentication = routes.ServiceProvider.GetRequiredService<OwnerAuthentication>();
        routes.Map(ById + path, authentication.Owned(ApiRoutes.OnlyMethods<Agent>((method, handler))))
            .WithMethods(method);
    }
}
