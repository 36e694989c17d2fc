using Edge.Telemetry;

namespace Edge.Hosting;

/// <summary>
/// Creates the hosts of the process (public, admin, API server). Each has its own listeners and services, but all have the same
/// configuration, clock and logging.
/// </summary>
internal sealed class HostFactory(IConfigurationRoot configuration, TimeProvider time, Action<ILoggingBuilder> logging)
{
    public IConfigurationRoot Configuration { get; } = configuration;

    public TimeProvider Time { get; } = time;

    public WebApplicationBuilder CreateBuilder()
    {
        var builder = WebApplication.CreateEmptyBuilder(
            new WebApplicationOptions { ApplicationName = "Edge", EnvironmentName = Environments.Production });

        // The configuration is not chained into the host's own: writes go through to a chained one, so one host's values, such as its
        // URLs, would reach the others.
        builder.Services.AddSingleton(Time);
        builder.Services.AddMetrics();
        builder.Services.AddSingleton<ReloadMetrics>();

        // The process has its own signal handlers and shutdown timeouts.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(static options => options.ShutdownTimeout = Timeout.InfiniteTimeSpan);
        logging(builder.Logging);

        // A host's exception at the start becomes the program's one-line error, and HostWatch logs a later failure.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        return builder;
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
