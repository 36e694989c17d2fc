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
        where T : class => services.AddSingleton<T>().AddHostedService(static provider =>
        {
            provider.GetRequiredService<T>();
            return new Started<T>();
        });

    // A type for each service: AddHostedService ignores a second registration of a type.
    private sealed class Started<T> : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
