using System.Runtime.CompilerServices;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.Model;

namespace Edge.Proxy;

/// <summary>
/// A server is healthy from its first good probe on, and until two in a row have failed. Unlike YARP's own policy of
/// consecutive failures, one that has never answered a probe does not count as healthy.
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
        // Probes that this host's own stop cuts off say nothing about the servers.
        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return;
        }

        var judged = new List<NewActiveDestinationHealth>(probingResults.Count);
        var saysOtherwise = false;
        foreach (var result in probingResults)
        {
            judged.Add(new NewActiveDestinationHealth(result.Destination, Judge(result, ref saysOtherwise)));
        }

        health.SetActive(cluster, judged);
        if (saysOtherwise)
        {
            // A server that begins or ceases to answer may be unhealthy before and after, which changes nothing in the line above.
            destinations.UpdateAvailableDestinations(cluster);
        }
    }

    private DestinationHealth Judge(DestinationProbingResult result, ref bool saysOtherwise)
    {
        var destination = result.Destination;
        var failures = _failures.GetOrCreateValue(destination);
        if (result.Response is { IsSuccessStatusCode: true })
        {
            failures.Value = 0;
            saysOtherwise |= requests.Probed(destination, saysItIsIll: false);
            return DestinationHealth.Healthy;
        }

        failures.Value++;
        if (destination.Health.Active is DestinationHealth.Healthy && failures.Value < FailuresToGiveUp)
        {
            return DestinationHealth.Healthy;
        }

        saysOtherwise |= requests.Probed(destination, saysItIsIll: result.Response is not null);
        if (destination.Health.Active is not DestinationHealth.Unhealthy)
        {
            LogIll(destination.DestinationId, Cause(result));
        }

        return DestinationHealth.Unhealthy;
    }

    private static string Cause(DestinationProbingResult result) =>
        result.Response is { } answer ? $"it answers with {(int)answer.StatusCode}"
        : result.Exception is OperationCanceledException ? "it does not answer in time"
        : result.Exception?.Message ?? "no answer";

    // That the server is out, and that it is back, YARP's updater says.
    [LoggerMessage(EventId = 1046, Level = LogLevel.Warning, Message = "Probes of the API server {Destination} fail: {Cause}")]
    private partial void LogIll(string destination, string cause);
}
