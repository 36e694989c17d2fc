using ControlPlane.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Node = Tailnet.Messages.DERPMap.Types.Region.Types.Node;

namespace ControlPlane.Coordination;

/// <summary>Probes relays periodically. Relays that are down leave the DERP map, and return when they are up again.</summary>
internal sealed partial class RelayProber(
    RelayMaps maps, RelayProbe probe, ControlPlaneOptions options, TimeProvider time, ILogger<RelayProber> logger) : BackgroundService
{
    // A bound for the sockets of one round. Few deployments have as many relays; further ones wait in the round.
    private const int MaxConcurrentProbes = 32;

    private readonly long _start = time.GetTimestamp();
    private readonly PeriodicTimer _timer = new(options.RelayProbeInterval, time);

    /// <inheritdoc/>
    public override void Dispose()
    {
        _timer.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        BackgroundLoop.RunAsync(nameof(RelayProber), ProbeAllAsync, time, logger, stoppingToken);

    private async Task ProbeAllAsync(CancellationToken stop)
    {
        while (await _timer.WaitForNextTickAsync(stop))
        {
            await Parallel.ForEachAsync(
                maps.ToProbe(),
                new ParallelOptions { MaxDegreeOfParallelism = MaxConcurrentProbes, CancellationToken = stop },
                async (relay, stopping) => await ProbeAsync(relay, stopping));
        }
    }

    private async Task ProbeAsync(Node relay, CancellationToken stopping)
    {
        var at = time.GetElapsedTime(_start);
        using var timeout = new CancellationTokenSource(options.RelayProbeTimeout, time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stopping, timeout.Token);
        var succeeded = await probe.SucceedsAsync(relay, end.Token);
        stopping.ThrowIfCancellationRequested();
        if (!maps.Report(relay, succeeded, at))
        {
            return;
        }

        if (succeeded)
        {
            Restored(logger, relay.Name);
        }
        else
        {
            Removed(logger, relay.Name, (int)options.RelayHealthPeriod.TotalSeconds);
        }
    }
}
