using System.Collections.Concurrent;
using System.Globalization;
using Tailnet.Coordination;
using Tailnet.Messages;

namespace ControlPlane.Coordination;

/// <summary>
/// The latencies to relays that agents tell with their nodes, for as long as they are connected to this process. An agent that is
/// connected to another process tells them there.
/// </summary>
internal sealed class AgentNodes
{
    private readonly ConcurrentDictionary<Guid, Peer> _peers = new();

    /// <summary>The coordinator as an agent's session sees it: what the agent says of itself is also kept here.</summary>
    public ICoordinator Watch(ICoordinator coordinator) => new Watched(coordinator, this);

    /// <summary>How far the agent is from the relays of the map, by the regions' names.</summary>
    public IReadOnlyDictionary<string, RegionLatency> LatenciesOf(Guid agentId, DERPMap map)
    {
        var latencies = new SortedDictionary<string, RegionLatency>(StringComparer.Ordinal);
        if (_peers.GetValueOrDefault(agentId)?.Relays is not { } relays)
        {
            return latencies;
        }

        // Each region comes once for IPv4 and once for IPv6 ("5-v4"); clients are shown the better one.
        foreach (var (name, seconds) in relays.Latencies.OrderByDescending(static latency => latency.Value))
        {
            if (long.TryParse(name.AsSpan(0, Math.Max(name.IndexOf('-', StringComparison.Ordinal), 0)), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                && double.IsFinite(seconds))
            {
                // The agent may still know an older map.
                var region = map.Regions.GetValueOrDefault(id)?.RegionName is { Length: > 0 } known
                    ? known
                    : FormattableString.Invariant($"Unnamed {id}");
                latencies[region] = new RegionLatency(relays.Home == id, seconds * 1000);
            }
        }

        return latencies;
    }

    private sealed class Watched(ICoordinator coordinator, AgentNodes nodes) : ICoordinator
    {
        public async ValueTask<ICoordinatedPeer> ConnectAsync(Guid id, ICoordinateeAuth auth, CancellationToken cancellationToken = default)
        {
            var peer = new Peer(nodes, await coordinator.ConnectAsync(id, auth, cancellationToken));
            nodes._peers[id] = peer;
            return peer;
        }
    }

    private sealed class Peer(AgentNodes nodes, ICoordinatedPeer inner) : ICoordinatedPeer
    {
        private volatile AgentRelays? _relays;

        public Guid Id => inner.Id;

        public AgentRelays? Relays => _relays;

        public async ValueTask<bool> HandleAsync(CoordinateRequest request, CancellationToken cancellationToken = default)
        {
            var goesOn = await inner.HandleAsync(request, cancellationToken);
            if (goesOn && request.UpdateSelf?.Node is { } node)
            {
                _relays = new AgentRelays(node.PreferredDerp, [.. node.DerpLatency]);
            }

            return goesOn;
        }

        public ValueTask<CoordinateResponse?> ReadAsync(CancellationToken cancellationToken = default) => inner.ReadAsync(cancellationToken);

        public ValueTask DisposeAsync()
        {
            // A newer connection of the agent stays.
            nodes._peers.TryRemove(KeyValuePair.Create(Id, this));
            return inner.DisposeAsync();
        }
    }
}

/// <summary>What an agent says of relays: its home's region, and seconds to each by name and address family ("5-v4").</summary>
internal sealed record AgentRelays(int Home, KeyValuePair<string, double>[] Latencies);

/// <summary>How far an agent is from the relays of a region, in milliseconds, and whether it can be found there.</summary>
/// <param name="Preferred">Whether the agent's home is there.</param>
/// <param name="LatencyMs">Milliseconds to the region's nearest relay and back.</param>
internal sealed record RegionLatency(bool Preferred, double LatencyMs);
