using ControlPlane.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Access;

/// <summary>Registers the revocation of open streams.</summary>
internal static class AccessRegistration
{
    public static IServiceCollection AddOpenStreams(this IServiceCollection services) => services
        .AddSingleton<AccessSignals>()
        .AddHosted<OpenStreams>();
}
