using ControlPlane.Hosting;
using Relay.Derp;
using Relay.Derp.Wire;

namespace Edge.Derp.Admission;

/// <summary>Closes the connections of clients that are no longer admitted: at once when the list of keys changes, and by asking again.</summary>
internal sealed partial class AdmissionWatch(
    DerpAdmission admission, DerpAdmissionSettings settings, DerpServer server, TimeProvider time, ILogger<AdmissionWatch> logger) : BackgroundService
{
    // Few, so that clients that connect meanwhile do not wait for their turn.
    private const int AsksAtOnce = 8;

    // Without an answer so often in a row, the rest of a round would only wait too.
    private const int PatienceWithSilence = 16;

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

        while (await WaitAsync(AllowedKeysFile.Freshness, stopping))
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
            var silence = 0;
            await Parallel.ForEachAsync(
                Clients(),
                new ParallelOptions { MaxDegreeOfParallelism = AsksAtOnce, CancellationToken = stopping },
                async (client, _) =>
                {
                    if (Volatile.Read(ref silence) >= PatienceWithSilence)
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
                        Volatile.Write(ref silence, 0);
                    }
                    else if (Interlocked.Increment(ref silence) == PatienceWithSilence)
                    {
                        LogGaveUp(logger, source);
                    }
                });
        }
    }

    private IEnumerable<DerpAdmissionRequest> Clients() => server.Clients()
        .Where(static client => !client.Flags.HasFlag(PeerFlags.MeshPeer))
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

    [LoggerMessage(EventId = 1005, Level = LogLevel.Information, Message = "The DERP client {Key} is no longer admitted by {Source}; connections closed: {Count}")]
    private static partial void LogRevoked(ILogger logger, NodeKey key, AdmissionSource source, int count);

    [LoggerMessage(EventId = 1006, Level = LogLevel.Warning, Message = "The admission of open DERP connections could not be checked: {Source} does not answer")]
    private static partial void LogGaveUp(ILogger logger, AdmissionSource source);
}
