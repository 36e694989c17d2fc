using ControlPlane.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Node = Tailnet.Messages.DERPMap.Types.Region.Types.Node;

namespace ControlPlane.Coordination;

/// <summary>Probes our relays as long as the server runs, so that those that are down leave the DERP map, and come back.</summary>
internal sealed partial class RelayProber(
    RelayMaps maps, RelayProbe probe, ControlPlaneOptions options, TimeProvider time, ILogger<RelayProber> logger) : BackgroundService
{
    // More at once than anybody has relays; the rest waits its turn.
    private const int AtOnce = 32;

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
                new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stop },
                async (relay, stopping) => await ProbeAsync(relay, stopping));
        }
    }

    private async Task ProbeAsync(Node relay, CancellationToken stopping)
    {
        var at = time.GetElapsedTime(_start);
        using var late = new CancellationTokenSource(options.RelayProbeTimeout, time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stopping, late.Token);
        var succeeded = await probe.SucceedsAsync(relay, end.Token);
        stopping.ThrowIfCancellationRequested();
        if (!maps.Report(relay, succeeded, at))
        {
            return;
        }

        if (succeeded)
        {
            Returned(logger, relay.Name);
        }
        else
        {
            Left(logger, relay.Name, (int)options.RelayHealthPeriod.TotalSeconds);
        }
    }
}
