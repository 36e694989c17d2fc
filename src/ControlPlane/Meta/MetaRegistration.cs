using ControlPlane.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Meta;

/// <summary>Registers the routes without credentials.</summary>
internal static class MetaRegistration
{
    public static IServiceCollection AddMeta(this IServiceCollection services) => services
        .AddSingleton<MetaApi>();

    public static void MapMeta(this IEndpointRouteBuilder routes)
    {
        var meta = routes.ServiceProvider.GetRequiredService<MetaApi>();
        routes.MapMethods("/healthz", [HttpMethods.Get, HttpMethods.Head], meta.GetHealthAsync);
        routes.MapRoute(ApiRoutes.Root + "/", HttpMethods.Get, MetaApi.GreetAsync);
        routes.MapRoute(ApiRoutes.Root + "/buildinfo", HttpMethods.Get, meta.GetBuildInfoAsync);
    }
}
