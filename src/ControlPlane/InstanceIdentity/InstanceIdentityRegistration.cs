using ControlPlane.Agents;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.InstanceIdentity;

/// <summary>Registers the exchange of instance identities for agents' tokens.</summary>
internal static class InstanceIdentityRegistration
{
    public static IServiceCollection AddInstanceIdentity(this IServiceCollection services) => services
        .AddSingleton<InstanceBindingStore>()
        .AddSingleton<AwsIdentity>()
        .AddSingleton<AzureIdentity>()
        .AddSingleton<GoogleKeys>()
        .AddSingleton<GoogleIdentity>()
        .AddSingleton<InstanceIdentityApi>();

    public static void MapInstanceIdentity(this IEndpointRouteBuilder routes)
    {
        var identity = routes.ServiceProvider.GetRequiredService<InstanceIdentityApi>();
        routes.MapRoute(AgentRoutes.All + "/aws-instance-identity", HttpMethods.Post, identity.PostAwsAsync);
        routes.MapRoute(AgentRoutes.All + "/azure-instance-identity", HttpMethods.Post, identity.PostAzureAsync);
        routes.MapRoute(AgentRoutes.All + "/google-instance-identity", HttpMethods.Post, identity.PostGoogleAsync);
    }
}
