namespace Edge.Hosting;

/// <summary>
/// Detects a host that stops by itself because one of its background services has thrown. It logs the exception; the host's own log
/// is off.
/// </summary>
internal sealed partial class HostWatch
{
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isStopAsked;
    private volatile string? _reason;

    /// <summary>Completes when a host has failed.</summary>
    public Task Failed => _failed.Task;

    /// <summary>The first host that has failed, as a reason for <c>/readyz</c>; null while no host has failed.</summary>
    public string? Reason => _reason;

    /// <summary>Starts a host and watches it from then on.</summary>
    /// <param name="host">The host.</param>
    /// <param name="name">The host's name in the log and in the reason.</param>
    /// <param name="cancellation">Cancels the start.</param>
    public async Task StartAsync(WebApplication host, string name, CancellationToken cancellation)
    {
        try
        {
            await host.StartAsync(cancellation);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new InvalidOperationException($"the {name} host has failed while it started", FaultOf(host));
        }

        host.Lifetime.ApplicationStopping.Register(() => OnStopping(host, name));
    }

    /// <summary>Declares that hosts stop on request from now on.</summary>
    public void StopIsAsked() => _isStopAsked = true;

    /// <summary>Stops a host. Logs exceptions of its services, so that the other hosts are stopped as well.</summary>
    public async Task StopAsync(WebApplication? host, CancellationToken deadline)
    {
        try
        {
            await (host?.StopAsync(deadline) ?? Task.CompletedTask);
        }
        catch (Exception error) when (!deadline.IsCancellationRequested)
        {
            LogStopFailed(host!.Logger, error);
            Fail("a service has failed while it stopped");
        }
        catch (OperationCanceledException)
        {
            // The deadline has passed, and the host has aborted what was still running.
        }
    }

    private void OnStopping(WebApplication host, string name)
    {
        if (!_isStopAsked)
        {
            var fault = FaultOf(host);
            LogFailed(host.Logger, name, fault);
            Fail($"the {name} host has failed");
        }
    }

    private void Fail(string reason)
    {
        _reason ??= reason;
        _failed.TrySetResult();
    }

    private static Exception? FaultOf(WebApplication host) => host.Services.GetServices<IHostedService>()
        .OfType<BackgroundService>()
        .Select(static service => service.ExecuteTask?.Exception?.InnerException)
        .FirstOrDefault(static fault => fault is not null);

    [LoggerMessage(
        EventId = 1020, Level = LogLevel.Critical,
        Message = "The {Host} host has failed; the node drains and ends with exit code 1")]
    private static partial void LogFailed(ILogger logger, string host, Exception? exception);

    [LoggerMessage(EventId = 1021, Level = LogLevel.Error, Message = "A service has failed while its host stopped")]
    private static partial void LogStopFailed(ILogger logger, Exception exception);
}
