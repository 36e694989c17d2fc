using ControlPlane.AgentMetadata;
using ControlPlane.Agents;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Manifests;

/// <summary>Registers the routes of an agent's manifest.</summary>
internal static class ManifestsRegistration
{
    public static IServiceCollection AddManifests(this IServiceCollection services) => services
        .AddSingleton<ManifestSource>()
        .AddSingleton<ManifestApi>();

    public static void MapManifests(this IEndpointRouteBuilder routes)
    {
        var manifest = routes.ServiceProvider.GetRequiredService<ManifestApi>();
        routes.MapAgent("/manifest", HttpMethods.Get, manifest.GetAsync);

        // Two features share this path: GET is the old name of the manifest, and POST stores metadata.
        var metadata = routes.ServiceProvider.GetRequiredService<MetadataApi>();
        routes.MapAgent("/metadata", (HttpMethods.Get, manifest.GetAsync), (HttpMethods.Post, metadata.PostAsync));
    }
}
