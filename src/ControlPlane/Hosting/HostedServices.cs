using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ControlPlane.Hosting;

/// <summary>Registers services that run, or exist, as long as their host.</summary>
public static class HostedServices
{
    /// <summary>Adds a singleton that the host starts and stops, and that other services may inject.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddHosted<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        this IServiceCollection services)
        where T : class, IHostedService => services.AddSingleton<T>().AddHostedService(static provider => provider.GetRequiredService<T>());

    /// <summary>
    /// Adds a singleton that is created at the host's start, before its listeners open, even if no service injects it. Metrics are such:
    /// their instruments exist from the start. Errors of the constructor are errors of the start.
    /// </summary>
    /// <param name="services">The host's services.</param>
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
