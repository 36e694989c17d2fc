using System.Runtime.CompilerServices;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.Model;

namespace Edge.Proxy;

/// <summary>
/// A server is healthy from its first successful probe until two in a row have failed. In contrast to YARP's policy of
/// consecutive failures, a server that has never answered a probe is not healthy.
/// </summary>
internal sealed partial class ProbePolicy(
    IDestinationHealthUpdater health,
    IClusterDestinationsUpdater destinations,
    RequestOutcomes requests,
    IHostApplicationLifetime lifetime,
    ILogger<ProbePolicy> logger) : IActiveHealthCheckPolicy
{
    public const string PolicyName = "EdgeProbes";

    private const int FailuresToGiveUp = 2;

    private readonly ConditionalWeakTable<DestinationState, StrongBox<int>> _failures = [];

    public string Name => PolicyName;

    public void ProbingCompleted(ClusterState cluster, IReadOnlyList<DestinationProbingResult> probingResults)
    {
        // Probes that are cancelled by this host's stop are no failures of the servers.
        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return;
        }

        var judged = new List<NewActiveDestinationHealth>(probingResults.Count);
        var reportChanged = false;
        foreach (var result in probingResults)
        {
            judged.Add(new NewActiveDestinationHealth(result.Destination, Judge(result, ref reportChanged)));
        }

        health.SetActive(cluster, judged);
        if (reportChanged)
        {
            // A server that starts or stops answering may be unhealthy before and after, and then SetActive updates nothing.
            destinations.UpdateAvailableDestinations(cluster);
        }
    }

    private DestinationHealth Judge(DestinationProbingResult result, ref bool reportChanged)
    {
        var destination = result.Destination;
        var failures = _failures.GetOrCreateValue(destination);
        if (result.Response is { IsSuccessStatusCode: true })
        {
            failures.Value = 0;
            reportChanged |= requests.Probed(destination, reportsUnhealthy: false);
            return DestinationHealth.Healthy;
        }

        failures.Value++;
        if (destination.Health.Active is DestinationHealth.Healthy && failures.Value < FailuresToGiveUp)
        {
            return DestinationHealth.Healthy;
        }

        reportChanged |= requests.Probed(destination, reportsUnhealthy: result.Response is not null);
        if (destination.Health.Active is not DestinationHealth.Unhealthy)
        {
            LogUnhealthy(destination.DestinationId, Cause(result));
        }

        return DestinationHealth.Unhealthy;
    }

    private static string Cause(DestinationProbingResult result) =>
        result.Response is { } answer ? $"the server answers with {(int)answer.StatusCode}"
        : result.Exception is OperationCanceledException ? "the server does not answer in time"
        : result.Exception?.Message ?? "no answer";

    // YARP logs that the destination is unhealthy, or healthy again.
    [LoggerMessage(EventId = 1046, Level = LogLevel.Warning, Message = "Probes of the API server {Destination} fail: {Cause}")]
    private partial void LogUnhealthy(string destination, string cause);
}
