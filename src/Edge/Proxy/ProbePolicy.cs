using System.Runtime.CompilerServices;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.Model;

namespace Edge.Proxy;

/// <summary>
/// A server is healthy from its first good probe on, and until two in a row have failed. Unlike YARP's own policy of
/// consecutive failures, one that has never answered a probe does not count as healthy.
/// </summary>
internal sealed class ProbePolicy(IDestinationHealthUpdater updater, IHostApplicationLifetime lifetime) : IActiveHealthCheckPolicy
{
    public const string PolicyName = "EdgeProbes";

    private const int FailuresToGiveUp = 2;

    private readonly ConditionalWeakTable<DestinationState, StrongBox<int>> _failures = [];

    public string Name => PolicyName;

    public void ProbingCompleted(ClusterState cluster, IReadOnlyList<DestinationProbingResult> probingResults)
    {
        // Probes that this host's own stop cuts off say nothing about the servers.
        if (!lifetime.ApplicationStopping.IsCancellationRequested)
        {
            updater.SetActive(cluster, probingResults.Select(result => new NewActiveDestinationHealth(result.Destination, Judge(result))).ToArray());
        }
    }

    private DestinationHealth Judge(DestinationProbingResult result)
    {
        var failures = _failures.GetOrCreateValue(result.Destination);
        if (result.Response is { IsSuccessStatusCode: true })
        {
            failures.Value = 0;
            return DestinationHealth.Healthy;
        }

        failures.Value++;
        return result.Destination.Health.Active is DestinationHealth.Healthy && failures.Value < FailuresToGiveUp
            ? DestinationHealth.Healthy
            : DestinationHealth.Unhealthy;
    }
}
