using System.Diagnostics.CodeAnalysis;

namespace Edge.Hosting;

/// <summary>Registers services that the host creates when it starts, such as metrics, which no other service needs.</summary>
internal static class StartedServices
{
    /// <summary>
    /// Registers a singleton that exists from the host's start, before its listeners open. Errors of its constructor are errors of
    /// the start.
    /// </summary>
    public static IServiceCollection AddStarted<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        this IServiceCollection services)
        where T : class => services.AddSingleton<T>().AddHostedService<Started<T>>();

    /// <summary>Registers a singleton that the host creates at its start, but after its listeners have opened.</summary>
    public static IServiceCollection AddStartedAfterListeners<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(this IServiceCollection services)
        where T : class => services.AddSingleton<T>().AddHostedService<StartedAfterListeners<T>>();

    // The host itself has to be complete before T is created: it cannot be stopped after an error in the creation of its services.
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

    private sealed class StartedAfterListeners<T>(IServiceProvider services) : IHostedLifecycleService
        where T : class
    {
        public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartedAsync(CancellationToken cancellationToken)
        {
            services.GetRequiredService<T>();
            return Task.CompletedTask;
        }

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
