using System.Diagnostics.Metrics;
using Relay.Derp.Wire;

namespace Relay.Derp;

/// <summary>
/// A server's instruments, with derper's names and meanings (derp.md §6.5) where they have one here, on the meter
/// <see cref="MeterName"/>. All are read when metrics are collected, so that relaying pays nothing for them.
/// </summary>
public sealed class DerpMetrics
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Relay.Derp";

    private static readonly (string Name, DerpCount Count)[] Counters =
    [
        ("derp_accepts", DerpCount.Accepts),
        ("derp_websocket_accepts", DerpCount.WebSocketAccepts),
        ("derp_unknown_frames", DerpCount.UnknownFrames),
        ("derp_home_moves_in", DerpCount.HomeMovesIn),
        ("derp_home_moves_out", DerpCount.HomeMovesOut),
        ("derp_got_ping", DerpCount.GotPing),
        ("derp_sent_pong", DerpCount.SentPong),
        ("derp_peer_gone_disconnected_frames", DerpCount.PeerGoneDisconnected),
        ("derp_peer_gone_not_here_frames", DerpCount.PeerGoneNotHere),
        ("derp_packets_forwarded_out", DerpCount.PacketsForwardedOut),
        ("derp_packets_forwarded_in", DerpCount.PacketsForwardedIn),
        ("derp_multiforwarder_created", DerpCount.MultiForwarderCreated),
        ("derp_multiforwarder_deleted", DerpCount.MultiForwarderDeleted),
        ("derp_packet_forwarder_delete_other_value", DerpCount.ForwarderDeleteOtherValue),
        ("derp_sclient_write_timeouts", DerpCount.WriteTimeouts),
        ("derp_rate_limit_per_client_waited", DerpCount.RateLimitWaits),
        ("derp_total_dup_client_conns", DerpCount.TotalDupConnections),
    ];

    private static readonly (string Name, DerpCount Count)[] Gauges =
    [
        ("derp_current_home_connections", DerpCount.CurrentHome),
        ("derp_current_notideal_connections", DerpCount.CurrentNotIdeal),
        ("derp_current_dup_client_keys", DerpCount.CurrentDupKeys),
        ("derp_current_dup_client_conns", DerpCount.CurrentDupConnections),
    ];

    private readonly DerpServer _server;

    /// <summary>Creates the instruments of a server.</summary>
    /// <param name="meters">Owns the meter.</param>
    /// <param name="server">The server.</param>
    public DerpMetrics(IMeterFactory meters, DerpServer server)
    {
        ArgumentNullException.ThrowIfNull(meters);
        ArgumentNullException.ThrowIfNull(server);
        _server = server;
        var meter = meters.Create(MeterName);
        foreach (var (name, count) in Counters)
        {
            meter.CreateObservableCounter(name, () => server.Totals[count]);
        }

        foreach (var (name, count) in Gauges)
        {
            meter.CreateObservableGauge(name, () => server.Totals[count]);
        }

        meter.CreateObservableGauge("derp_current_connections", () => (long)server.Registry.Connections);
        meter.CreateObservableGauge("derp_watchers", () => (long)server.Registry.Watchers);
        meter.CreateObservableGauge("derp_clients_local", () => (long)server.Registry.LocalKeys);
        meter.CreateObservableGauge("derp_clients_remote", () => (long)server.Registry.RemoteKeys);
        meter.CreateObservableGauge("derp_clients_total", () => (long)server.Registry.LocalKeys + server.Registry.RemoteKeys);
        meter.CreateObservableGauge("derp_queue_bytes", () => server.Pool.Lent, "By", "Memory in which packets wait.");
        meter.CreateObservableGauge("derp_rate_limit_per_client_bytes_per_second", () => server.RateLimit.BytesPerSecond);
        meter.CreateObservableGauge("derp_rate_limit_per_client_burst_bytes", BurstOfClients);
        meter.CreateObservableCounter("derp_packets_sent", () => Traffic().PacketsSent);
        meter.CreateObservableCounter("derp_bytes_sent", () => Traffic().BytesSent, "By");
        meter.CreateObservableCounter("derp_packets_received", () => Traffic().Disco + Traffic().Other);
        meter.CreateObservableCounter("derp_bytes_received", () => Traffic().BytesReceived, "By");
        meter.CreateObservableCounter("derp_packets_received_kind", ReceivedByKind);
        meter.CreateObservableCounter("derp_packets_dropped", () => Drops(static drops => drops.Packets));
        meter.CreateObservableCounter("derp_bytes_dropped", () => Drops(static drops => drops.Bytes), "By");
        meter.CreateObservableCounter("derp_connections_closed", Closed, null, "Connections that ended, by reason.");
    }

    private static string Label(PacketKind kind) => kind == PacketKind.Disco ? "disco" : "other";

    private long BurstOfClients() => _server.RateLimit is { BytesPerSecond: > 0 } limit ? (long)limit.Capacity : 0;

    private (long PacketsSent, long BytesSent, long Disco, long Other, long BytesReceived) Traffic()
    {
        var totals = _server.Totals;
        var (packetsSent, bytesSent) = (totals[DerpCount.PacketsSent], totals[DerpCount.BytesSent]);
        var (disco, other) = (totals[DerpCount.PacketsReceivedDisco], totals[DerpCount.PacketsReceivedOther]);
        var bytesReceived = totals[DerpCount.BytesReceived];
        foreach (var connection in _server.Registry.All)
        {
            var sent = connection.Sent;
            packetsSent += sent.Packets;
            bytesSent += sent.Bytes;
            disco += connection.Activity.DiscoReceived;
            other += connection.Activity.OtherReceived;
            bytesReceived += connection.Activity.BytesReceived;
        }

        return (packetsSent, bytesSent, disco, other, bytesReceived);
    }

    private IEnumerable<Measurement<long>> ReceivedByKind()
    {
        var traffic = Traffic();
        yield return new Measurement<long>(traffic.Disco, new KeyValuePair<string, object?>("kind", Label(PacketKind.Disco)));
        yield return new Measurement<long>(traffic.Other, new KeyValuePair<string, object?>("kind", Label(PacketKind.Other)));
    }

    private IEnumerable<Measurement<long>> Drops(Func<(long Packets, long Bytes), long> value)
    {
        for (var reason = DropReason.UnknownDest; (int)reason < DropReasons.Count; reason++)
        {
            for (var kind = PacketKind.Disco; kind <= PacketKind.Other; kind++)
            {
                yield return new Measurement<long>(
                    value(_server.Totals.Drops(reason, kind)),
                    new KeyValuePair<string, object?>("kind", Label(kind)),
                    new KeyValuePair<string, object?>("reason", reason.Label()));
            }
        }
    }

    private IEnumerable<Measurement<long>> Closed()
    {
        for (var reason = DerpCloseReason.ClientClosed; (int)reason < DerpCloseReasons.Count; reason++)
        {
            yield return new Measurement<long>(_server.Closed[reason], new KeyValuePair<string, object?>("reason", reason.Label()));
        }
    }
}
