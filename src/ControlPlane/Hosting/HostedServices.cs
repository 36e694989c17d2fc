using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ControlPlane.Hosting;

/// <summary>Registers services that run, or exist, as long as their host.</summary>
internal static class HostedServices
{
    /// <summary>Adds a singleton that the host starts and stops, and that other services may inject.</summary>
    public static IServiceCollection AddHosted<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        this IServiceCollection services)
        where T : class, IHostedService => services.AddSingleton<T>().AddHostedService(static provider => provider.GetRequiredService<T>());

    /// <summary>
    /// Adds a singleton that is created at the host's start even if no service injects it, so that its instruments exist from the start.
    /// </summary>
    public static IServiceCollection AddStarted<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        this IServiceCollection services)
        where T : class => services.AddSingleton<T>().AddHostedService<Started<T>>();

    // The host has to be complete before T is created: it cannot be stopped after an error in the creation of its services.
    private sealed class Started<T>(IServiceProvider services) : IHostedService
        where T : class
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            services.GetRequiredService<T>();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
