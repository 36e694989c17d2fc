using Tailnet.Messages;
using Tailnet.Services;
using Node = Tailnet.Messages.DERPMap.Types.Region.Types.Node;

namespace ControlPlane.Coordination;

/// <summary>
/// Publishes the configured DERP map without the relays whose probes fail. The relays of embedded regions are probed, and of regions with
/// <see cref="DerpRegionOptions.Probe"/>. Relays whose certificate clients must not check are not probed, because the probe checks it.
/// </summary>
internal sealed class RelayMaps(DerpMapPublisher publisher, ControlPlaneOptions options)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Node, RelayHealth> _health = [];
    private DERPMap _configured = publisher.Current;

    /// <summary>Replaces the configured map. The health of relays that are unchanged in it is retained.</summary>
    /// <param name="map">The map, which the caller must not change afterwards.</param>
    public void Replace(DERPMap map)
    {
        lock (_lock)
        {
            _configured = map;
            foreach (var removed in _health.Keys.Except(ProbedRelays()).ToArray())
            {
                _health.Remove(removed);
            }

            Publish();
        }
    }

    /// <summary>The relays to probe. None if the map has only one relay, which would stay in any case.</summary>
    public IReadOnlyList<Node> ToProbe()
    {
        lock (_lock)
        {
            var relays = _configured.Regions.Values.Sum(static region => region.Nodes.Count(RelayFilter.IsRelay));
            return relays > 1 ? [.. ProbedRelays()] : [];
        }
    }

    /// <summary>Records the result of a probe. True if the relay's health has changed.</summary>
    /// <param name="relay">One of <see cref="ToProbe"/>.</param>
    /// <param name="succeeded">Whether the relay answered.</param>
    /// <param name="at">The monotonic time of the probe.</param>
    public bool Report(Node relay, bool succeeded, TimeSpan at)
    {
        lock (_lock)
        {
            // The map may have been replaced during the probe.
            if (!ProbedRelays().Contains(relay))
            {
                return false;
            }

            if (!_health.TryGetValue(relay, out var health))
            {
                _health.Add(relay, health = new RelayHealth(options.RelayHealthPeriod));
            }

            var changed = health.Report(succeeded, at);
            if (changed)
            {
                Publish();
            }

            return changed;
        }
    }

    private IEnumerable<Node> ProbedRelays() => _configured.Regions
        .Where(region => region.Value.EmbeddedRelay || options.DerpMap.Regions.Any(declared => declared.Probe && declared.Id == region.Key))
        .SelectMany(static region => region.Value.Nodes)
        .Where(static node => RelayFilter.IsRelay(node) && !node.InsecureForTests);

    private void Publish() =>
        publisher.Publish(RelayFilter.Without(_configured, node => _health.GetValueOrDefault(node) is { IsHealthy: false }));
}
