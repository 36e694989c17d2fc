using ControlPlane.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Access;

/// <summary>The streams that are open, by what let them in.</summary>
internal static class AccessRegistration
{
    public static IServiceCollection AddOpenStreams(this IServiceCollection services) => services
        .AddSingleton<AccessSignals>()
        .AddHosted<OpenStreams>();
}
