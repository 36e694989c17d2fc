using ControlPlane.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Terminals;

/// <summary>Registers terminals and the terminal page.</summary>
internal static class TerminalsRegistration
{
    public static IServiceCollection AddTerminals(this IServiceCollection services) => services
        .AddSingleton<TerminalApi>()
        .AddSingleton<TerminalPage>();

    public static void MapTerminals(this IEndpointRouteBuilder routes)
    {
        // No authentication before the handler: the handler authenticates itself, since its error responses differ from other routes'.
        routes.MapRoute(AgentRoutes.ById + "/pty", HttpMethods.Get, routes.ServiceProvider.GetRequiredService<TerminalApi>().GetAsync);

        var page = routes.ServiceProvider.GetRequiredService<TerminalPage>();
        routes.Map(
            "/terminal/{" + TerminalPage.RouteParameter + "}",
            ApiRoutes.OnlyMethods((HttpMethods.Get, page.GetAsync), (HttpMethods.Post, page.PostAsync)));
        routes.MapRoute("/terminal/assets/{file}", HttpMethods.Get, TerminalPage.GetAssetAsync);
    }
}
