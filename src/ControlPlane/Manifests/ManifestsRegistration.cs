using ControlPlane.AgentMetadata;
using ControlPlane.Agents;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Manifests;

/// <summary>What an agent is told of itself.</summary>
internal static class ManifestsRegistration
{
    public static IServiceCollection AddManifests(this IServiceCollection services) => services
        .AddSingleton<ManifestSource>()
        .AddSingleton<ManifestApi>();

    public static void MapManifests(this IEndpointRouteBuilder routes)
    {
        var manifest = routes.ServiceProvider.GetRequiredService<ManifestApi>();
        routes.MapAgent("/manifest", HttpMethods.Get, manifest.GetAsync);

        // Two features meet at this path: the manifest has its old name here.
        var metadata = routes.ServiceProvider.GetRequiredService<MetadataApi>();
        routes.MapAgent("/metadata", (HttpMethods.Get, manifest.GetAsync), (HttpMethods.Post, metadata.PostAsync));
    }
}
