using Tailnet.Messages;
using Tailnet.Services;
using Node = Tailnet.Messages.DERPMap.Types.Region.Types.Node;

namespace ControlPlane.Coordination;

/// <summary>
/// Between the DERP map as configured and the map as published: relays of ours whose probes fail are left out. Ours are those of embedded
/// regions and of regions that are declared so (<see cref="DerpRegionOptions.Probe"/>), but for those whose certificate is not to be checked, as the probe checks it.
/// </summary>
internal sealed class RelayMaps(DerpMapPublisher publisher, ControlPlaneOptions options)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Node, RelayHealth> _health = [];
    private DERPMap _configured = publisher.Current;

    /// <summary>Takes a new configured map. Relays that are in it as before keep what is known of them.</summary>
    /// <param name="map">Must not be changed afterwards.</param>
    public void Replace(DERPMap map)
    {
        lock (_lock)
        {
            _configured = map;
            foreach (var gone in _health.Keys.Except(Ours()).ToArray())
            {
                _health.Remove(gone);
            }

            Publish();
        }
    }

    /// <summary>The relays to probe: ours, unless the only one in the map is among them, which would stay in any case.</summary>
    public IReadOnlyList<Node> ToProbe()
    {
        lock (_lock)
        {
            return _configured.Regions.Values.Sum(static region => region.Nodes.Count(RelayFilter.IsRelay)) > 1 ? [.. Ours()] : [];
        }
    }

    /// <summary>Takes what a probe found; true when the relay has left or returned for that.</summary>
    /// <param name="relay">One of <see cref="ToProbe"/>.</param>
    /// <param name="succeeded">Whether it answered.</param>
    /// <param name="at">When, since any fixed moment.</param>
    public bool Report(Node relay, bool succeeded, TimeSpan at)
    {
        lock (_lock)
        {
            // It may have been replaced while it was probed.
            if (!Ours().Contains(relay))
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

    private IEnumerable<Node> Ours() => _configured.Regions
        .Where(region => region.Value.EmbeddedRelay || options.DerpMap.Regions.Any(declared => declared.Probe && declared.Id == region.Key))
        .SelectMany(static region => region.Value.Nodes)
        .Where(static node => RelayFilter.IsRelay(node) && !node.InsecureForTests);

    private void Publish() => publisher.Publish(RelayFilter.Without(_configured, node => _health.GetValueOrDefault(node) is { IsIn: false }));
}
