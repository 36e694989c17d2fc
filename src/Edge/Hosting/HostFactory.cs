using Edge.Telemetry;

namespace Edge.Hosting;

/// <summary>
/// Makes the hosts of the process (public, admin, API server): each with its own listeners and services,
/// all with the same configuration, clock and logging.
/// </summary>
internal sealed class HostFactory(IConfigurationRoot configuration, TimeProvider time, Action<ILoggingBuilder> logging)
{
    public IConfigurationRoot Configuration { get; } = configuration;

    public TimeProvider Time { get; } = time;

    public WebApplicationBuilder CreateBuilder()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "Edge", EnvironmentName = Environments.Production });

        // The configuration is not added to the host's own: a chained one is written through, and what one host
        // sets for itself (its URLs) would reach the others.
        builder.Services.AddSingleton(Time);
        builder.Services.AddMetrics();
        builder.Services.AddSingleton<ReloadMetrics>();

        // The process has one set of signal handlers, and decides itself how long a stop may take.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(static options => options.ShutdownTimeout = Timeout.InfiniteTimeSpan);
        logging(builder.Logging);

        // A host that cannot start throws, and the program says why in one line. Of one that fails later HostWatch tells.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        return builder;
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
