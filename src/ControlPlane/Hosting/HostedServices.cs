using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ControlPlane.Hosting;

/// <summary>Registers services that live as long as their host runs.</summary>
internal static class HostedServices
{
    /// <summary>One that the host starts and stops, and that others may ask for.</summary>
    public static IServiceCollection AddHosted<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        this IServiceCollection services)
        where T : class, IHostedService => services.AddSingleton<T>().AddHostedService(static provider => provider.GetRequiredService<T>());

    /// <summary>One that is there from the host's start, though no other service asks for it: readers of metrics find its instruments.</summary>
    public static IServiceCollection AddStarted<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        this IServiceCollection services)
        where T : class => services.AddSingleton<T>().AddHostedService(static provider =>
        {
            provider.GetRequiredService<T>();
            return new Started<T>();
        });

    private sealed class Started<T> : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
