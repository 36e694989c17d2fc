using System.Collections.Concurrent;
using System.Globalization;
using Tailnet.Coordination;
using Tailnet.Messages;

namespace ControlPlane.Coordination;

/// <summary>
/// The latencies to DERP relays that agents report with their nodes. They are in memory while an agent is connected to this process; an
/// agent that is connected to another process reports them there.
/// </summary>
internal sealed class AgentLatencies
{
    private readonly ConcurrentDictionary<Guid, Peer> _peers = new();

    /// <summary>Wraps the coordinator for an agent's session, and records the latencies in the nodes that pass.</summary>
    public ICoordinator Observe(ICoordinator coordinator) => new ObservedCoordinator(coordinator, this);

    /// <summary>The agent's latencies to the relays of the map, by the regions' names.</summary>
    public IReadOnlyDictionary<string, RegionLatency> Of(Guid agentId, DERPMap map)
    {
        var latencies = new SortedDictionary<string, RegionLatency>(StringComparer.Ordinal);
        if (_peers.GetValueOrDefault(agentId)?.Relays is not { } relays)
        {
            return latencies;
        }

        // An agent reports each region for IPv4 ("5-v4") and for IPv6; the smaller latency counts, which comes last.
        foreach (var (name, seconds) in relays.Latencies.OrderByDescending(static latency => latency.Value))
        {
            var number = name.AsSpan(0, Math.Max(name.IndexOf('-', StringComparison.Ordinal), 0));
            if (long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && double.IsFinite(seconds))
            {
                // The agent may still have an older map.
                var region = map.Regions.GetValueOrDefault(id)?.RegionName is { Length: > 0 } known
                    ? known
                    : FormattableString.Invariant($"Unnamed {id}");
                latencies[region] = new RegionLatency(relays.Home == id, seconds * 1000);
            }
        }

        return latencies;
    }

    private sealed class ObservedCoordinator(ICoordinator coordinator, AgentLatencies latencies) : ICoordinator
    {
        public async ValueTask<ICoordinatedPeer> ConnectAsync(Guid id, ICoordinateeAuth auth, CancellationToken cancellationToken = default)
        {
            var peer = new Peer(latencies, await coordinator.ConnectAsync(id, auth, cancellationToken));
            latencies._peers[id] = peer;
            return peer;
        }
    }

    private sealed class Peer(AgentLatencies latencies, ICoordinatedPeer inner) : ICoordinatedPeer
    {
        private volatile AgentRelays? _relays;

        public Guid Id => inner.Id;

        public AgentRelays? Relays => _relays;

        public async ValueTask<bool> HandleAsync(CoordinateRequest request, CancellationToken cancellationToken = default)
        {
            var isAccepted = await inner.HandleAsync(request, cancellationToken);
            if (isAccepted && request.UpdateSelf?.Node is { } node)
            {
                _relays = new AgentRelays(node.PreferredDerp, [.. node.DerpLatency]);
            }

            return isAccepted;
        }

        public ValueTask<CoordinateResponse?> ReadAsync(CancellationToken cancellationToken = default) =>
            inner.ReadAsync(cancellationToken);

        public ValueTask DisposeAsync()
        {
            // The entry of a newer connection of the agent stays.
            latencies._peers.TryRemove(KeyValuePair.Create(Id, this));
            return inner.DisposeAsync();
        }
    }
}

/// <summary>An agent's report about relays: its home region, and the latencies in seconds by region and address family ("5-v4").</summary>
internal sealed record AgentRelays(int Home, KeyValuePair<string, double>[] Latencies);

/// <summary>An agent's latency to a DERP region.</summary>
/// <param name="Preferred">Whether the region is the agent's home.</param>
/// <param name="LatencyMs">The round-trip time to the region's nearest relay, in milliseconds.</param>
internal sealed record RegionLatency(bool Preferred, double LatencyMs);
