using Relay.Derp;
using Relay.Derp.Wire;

namespace Edge.Derp.Live;

/// <summary>The counters of every connection at one moment. Two samples give rates.</summary>
internal sealed class TrafficSample
{
    private readonly IReadOnlyList<DerpClientView> _clients;
    private readonly TimeProvider _time;
    private readonly long _at;

    public TrafficSample(DerpServer server, TimeProvider time)
    {
        _time = time;
        _at = time.GetTimestamp();
        _clients = server.Clients();
    }

    /// <summary>The traffic since an earlier sample, the busiest connections first.</summary>
    /// <param name="earlier">The earlier sample.</param>
    /// <param name="limit">Most connections in the result.</param>
    public TrafficView Since(TrafficSample earlier, int limit)
    {
        var seconds = Math.Max(_time.GetElapsedTime(earlier._at, _at).TotalSeconds, 0.001);
        var then = earlier._clients.ToDictionary(static client => client.Id);
        var now = _time.GetUtcNow();
        var busiest = _clients
            .Select(client => (Now: client, Then: then.GetValueOrDefault(client.Id)))
            .OrderByDescending(static pair => Moved(pair.Now) - (pair.Then is null ? 0 : Moved(pair.Then)))
            .ThenBy(static pair => pair.Now.Id)
            .Take(limit);
        return new TrafficView(_clients.Count, [.. busiest.Select(pair => Compare(pair.Now, pair.Then, seconds, now))]);
    }

    /// <summary>The connections with traffic since an earlier sample, in derper's form.</summary>
    public IEnumerable<TrafficLine> Changed(TrafficSample? earlier)
    {
        var then = earlier?._clients.ToDictionary(static client => client.Id) ?? [];
        return _clients
            .Where(client => Moved(client) > (then.GetValueOrDefault(client.Id) is { } old ? Moved(old) : 0))
            .Select(static client => new TrafficLine(client.BytesSent, client.BytesReceived, client.Key.ToString()));
    }

    private static long Moved(DerpClientView client) => client.BytesReceived + client.BytesSent;

    private static ClientTraffic Compare(DerpClientView client, DerpClientView? then, double seconds, DateTimeOffset now)
    {
        return new ClientTraffic(
            client.Key.ToString(),
            client.Key.ToShortString(),
            client.Remote?.ToString(),
            Kind(client.Flags),
            now - client.Age,
            Rate(client.BytesReceived, then?.BytesReceived),
            Rate(client.PacketsReceived, then?.PacketsReceived),
            Rate(client.BytesSent, then?.BytesSent),
            Rate(client.PacketsSent, then?.PacketsSent),
            client.BytesReceived,
            client.BytesSent,
            client.QueuePackets,
            client.QueueBytes,
            client.Dropped);

        long Rate(long after, long? before) => (long)Math.Round((after - (before ?? 0)) / seconds);
    }

    private static string Kind(PeerFlags flags)
    {
        var names = new List<string>();
        names.AddRange(flags.HasFlag(PeerFlags.MeshPeer) ? ["mesh_peer"] : []);
        names.AddRange(flags.HasFlag(PeerFlags.Prober) ? ["prober"] : []);
        names.AddRange(flags.HasFlag(PeerFlags.NotIdeal) ? ["not_ideal"] : []);
        return names.Count == 0 ? "regular" : string.Join(',', names);
    }
}
