using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Http;

/// <summary>Registers the services that every route shares.</summary>
internal static class HttpRegistration
{
    public static IServiceCollection AddHttp(this IServiceCollection services) => services
        .AddSingleton<ErrorBoundary>();
}
