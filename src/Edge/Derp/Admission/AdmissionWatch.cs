using ControlPlane.Hosting;
using Relay.Derp;
using Relay.Derp.Wire;

namespace Edge.Derp.Admission;

/// <summary>
/// Closes the connections of clients that are no longer admitted: as soon as the list of keys changes, and by asking the other
/// sources again from time to time.
/// </summary>
internal sealed partial class AdmissionWatch(
    DerpAdmission admission,
    DerpAdmissionSettings settings,
    DerpServer server,
    TimeProvider time,
    ILogger<AdmissionWatch> logger) : BackgroundService
{
    // Few, so that enough requests remain for clients that connect meanwhile.
    private const int MaxConcurrentRechecks = 8;

    // After so many failures in a row the rest of the round would only time out as well.
    private const int MaxFailures = 16;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(RunAsync(WatchFileAsync, stoppingToken), RunAsync(RecheckAsync, stoppingToken));

    private Task RunAsync(Func<CancellationToken, Task> loop, CancellationToken stop) =>
        BackgroundLoop.RunAsync(nameof(AdmissionWatch), loop, time, logger, stop);

    private async Task WatchFileAsync(CancellationToken stopping)
    {
        if (admission.File is not { } file)
        {
            return;
        }

        while (await WaitAsync(AllowedKeysFile.RefreshInterval, stopping))
        {
            if (!file.Refresh())
            {
                continue;
            }

            foreach (var client in Clients().Where(client => !file.Allows(client.Key)))
            {
                Close(client.Key, AdmissionSource.File);
            }
        }
    }

    private async Task RecheckAsync(CancellationToken stopping)
    {
        while (settings.Recheck > TimeSpan.Zero && await WaitAsync(settings.Recheck, stopping))
        {
            var failures = 0;
            await Parallel.ForEachAsync(
                Clients(),
                new ParallelOptions { MaxDegreeOfParallelism = MaxConcurrentRechecks, CancellationToken = stopping },
                async (client, _) =>
                {
                    if (Volatile.Read(ref failures) >= MaxFailures)
                    {
                        return;
                    }

                    var (verdict, source) = await admission.RecheckAsync(client);
                    if (verdict is AdmissionVerdict.Refused)
                    {
                        Close(client.Key, source);
                    }

                    if (verdict is AdmissionVerdict.Admitted or AdmissionVerdict.Refused)
                    {
                        Volatile.Write(ref failures, 0);
                    }
                    else if (Interlocked.Increment(ref failures) == MaxFailures)
                    {
                        LogGaveUp(logger, source);
                    }
                });
        }
    }

    private IEnumerable<DerpAdmissionRequest> Clients() => server.Clients()
        .Where(static client => !client.Flags.HasFlag(PeerFlags.MeshPeer) && !client.IsInProcess)
        .Select(static client => new DerpAdmissionRequest(client.Key, client.Remote?.Address))
        .Distinct();

    private void Close(NodeKey key, AdmissionSource source)
    {
        var closed = server.CloseKey(key);
        if (closed > 0)
        {
            LogRevoked(logger, key, source, closed);
        }
    }

    private async Task<bool> WaitAsync(TimeSpan period, CancellationToken stopping)
    {
        await Task.Delay(period, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !stopping.IsCancellationRequested;
    }

    [LoggerMessage(
        EventId = 1005, Level = LogLevel.Information,
        Message = "The DERP client {Key} is no longer admitted by {Source}; connections closed: {Count}")]
    private static partial void LogRevoked(ILogger logger, NodeKey key, AdmissionSource source, int count);

    [LoggerMessage(
        EventId = 1006, Level = LogLevel.Warning,
        Message = "The admission of open DERP connections could not be checked: {Source} does not answer")]
    private static partial void LogGaveUp(ILogger logger, AdmissionSource source);
}
