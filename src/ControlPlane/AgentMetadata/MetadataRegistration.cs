using ControlPlane.Agents;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.AgentMetadata;

/// <summary>Registers and maps the metadata of agents.</summary>
internal static class MetadataRegistration
{
    public static IServiceCollection AddMetadata(this IServiceCollection services) => services
        .AddSingleton<MetadataStore>()
        .AddSingleton<MetadataApi>();

    public static void MapMetadata(this IEndpointRouteBuilder routes)
    {
        var metadata = routes.ServiceProvider.GetRequiredService<MetadataApi>();
        routes.MapAgent("/metadata/{" + MetadataApi.KeyParameter + "}", HttpMethods.Post, metadata.PostKeyAsync);
    }
}
