using ControlPlane.Agents;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.ExternalAuth;

/// <summary>Registers and maps users' tokens for external services.</summary>
internal static class ExternalAuthRegistration
{
    public static IServiceCollection AddExternalAuth(this IServiceCollection services) => services
        .AddSingleton<ExternalAuthProviders>()
        .AddSingleton<ExternalAuthSignals>()
        .AddSingleton<ExternalAuthStore>()
        .AddSingleton<ExternalAuthApi>();

    public static void MapExternalAuth(this IEndpointRouteBuilder routes)
    {
        var externalAuth = routes.ServiceProvider.GetRequiredService<ExternalAuthApi>();
        routes.MapAgent("/external-auth", HttpMethods.Get, externalAuth.GetAsync);
        routes.MapAgent("/gitauth", HttpMethods.Get, externalAuth.GetAsync);
    }
}
