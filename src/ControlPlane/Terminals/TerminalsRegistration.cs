using ControlPlane.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Terminals;

/// <summary>Terminals, and the page that shows them.</summary>
internal static class TerminalsRegistration
{
    public static IServiceCollection AddTerminals(this IServiceCollection services) => services
        .AddSingleton<TerminalApi>()
        .AddSingleton<TerminalPage>();

    public static void MapTerminals(this IEndpointRouteBuilder routes)
    {
        // A terminal's refusals are its own: it answers for its credentials too.
        routes.MapRoute(AgentRoutes.ById + "/pty", HttpMethods.Get, routes.ServiceProvider.GetRequiredService<TerminalApi>().GetAsync);

        var page = routes.ServiceProvider.GetRequiredService<TerminalPage>();
        routes.Map(
            "/terminal/{" + TerminalPage.RouteParameter + "}",
            ApiRoutes.OnlyMethods((HttpMethods.Get, page.GetAsync), (HttpMethods.Post, page.PostAsync)));
        routes.MapRoute("/terminal/assets/{file}", HttpMethods.Get, TerminalPage.GetAssetAsync);
    }
}
