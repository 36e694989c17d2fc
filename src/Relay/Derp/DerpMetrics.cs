using System.Diagnostics.Metrics;
using Relay.Derp.Wire;

namespace Relay.Derp;

/// <summary>
/// The instruments of a server on the meter <see cref="MeterName"/>, with derper's names and meanings where derper has the same
/// (derp.md §6.5). They are observable: their values are read when metrics are collected, so relaying has no extra cost.
/// </summary>
public sealed class DerpMetrics
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Relay.Derp";

    private static readonly (string Name, DerpCount Count, string Description)[] Counters =
    [
        ("derp_accepts", DerpCount.Accepts, "Clients accepted."),
        ("derp_websocket_accepts", DerpCount.WebSocketAccepts, "Clients accepted over WebSocket."),
        ("derp_unknown_frames", DerpCount.UnknownFrames, "Frames of a type that the server does not know."),
        ("derp_home_moves_in", DerpCount.HomeMovesIn, "Times that a client made this server its home."),
        ("derp_home_moves_out", DerpCount.HomeMovesOut, "Times that a client made another server its home."),
        ("derp_got_ping", DerpCount.GotPing, "Ping frames received."),
        ("derp_sent_pong", DerpCount.SentPong, "Pong frames sent."),
        ("derp_peer_gone_disconnected_frames", DerpCount.PeerGoneDisconnected, "PeerGone frames sent because the peer had disconnected."),
        ("derp_peer_gone_not_here_frames", DerpCount.PeerGoneNotHere, "PeerGone frames sent because the peer was not connected."),
        ("derp_packets_forwarded_out", DerpCount.PacketsForwardedOut, "Packets forwarded to other servers of the mesh."),
        ("derp_packets_forwarded_in", DerpCount.PacketsForwardedIn, "Packets received from other servers of the mesh."),
        ("derp_multiforwarder_created", DerpCount.MultiForwarderCreated, "Times that a second server of the mesh announced a client."),
        ("derp_multiforwarder_deleted", DerpCount.MultiForwarderDeleted, "Times that only one server was left that announced a client."),
        (
            "derp_packet_forwarder_delete_other_value",
            DerpCount.ForwarderDeleteOtherValue,
            "Withdrawals of clients that another server had announced."),
        ("derp_sclient_write_timeouts", DerpCount.WriteTimeouts, "Connections whose writes timed out."),
        ("derp_rate_limit_per_client_waited", DerpCount.RateLimitWaits, "Times that a client's rate limit made it wait."),
        ("derp_total_dup_client_conns", DerpCount.TotalDupConnections, "Connections opened while another one of the same key was open."),
    ];

    private static readonly (string Name, DerpCount Count, string Description)[] Gauges =
    [
        ("derp_current_home_connections", DerpCount.CurrentHome, "Clients whose home is this server."),
        ("derp_current_notideal_connections", DerpCount.CurrentNotIdeal, "Clients for which this server is not the ideal one."),
        ("derp_current_dup_client_keys", DerpCount.CurrentDupKeys, "Keys with more than one connection."),
        ("derp_current_dup_client_conns", DerpCount.CurrentDupConnections, "Connections of keys that have more than one."),
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
        foreach (var (name, count, description) in Counters)
        {
            meter.CreateObservableCounter(name, () => server.Totals[count], null, description);
        }

        foreach (var (name, count, description) in Gauges)
        {
            meter.CreateObservableGauge(name, () => server.Totals[count], null, description);
        }

        meter.CreateObservableGauge(
            "derp_current_connections", () => (long)server.Registry.Connections, null,
            "Connections that are open.");
        meter.CreateObservableGauge(
            "derp_watchers", () => (long)server.Registry.Watchers, null,
            "Connections that watch clients come and go.");
        meter.CreateObservableGauge("derp_clients_local", () => (long)server.Registry.LocalKeys, null, "Keys connected to this server.");
        meter.CreateObservableGauge(
            "derp_clients_remote", () => (long)server.Registry.RemoteKeys, null,
            "Keys connected to other servers of the mesh only.");
        meter.CreateObservableGauge(
            "derp_clients_total", () => (long)server.Registry.LocalKeys + server.Registry.RemoteKeys, null,
            "Keys connected to any server of the mesh.");
        meter.CreateObservableGauge("derp_queue_bytes", () => server.Pool.Rented, "By", "Memory in which packets wait.");
        meter.CreateObservableGauge(
            "derp_rate_limit_per_client_bytes_per_second", () => server.RateLimit.BytesPerSecond, null,
            "Rate limit of each client, in bytes a second; 0 for none.");
        meter.CreateObservableGauge(
            "derp_rate_limit_per_client_burst_bytes", BurstOfClients, null,
            "Bytes that a client may send at once; 0 for no limit.");
        meter.CreateObservableCounter("derp_packets_sent", () => Traffic().PacketsSent, null, "Packets sent to clients.");
        meter.CreateObservableCounter("derp_bytes_sent", () => Traffic().BytesSent, "By", "Bytes of packets sent to clients.");
        meter.CreateObservableCounter(
            "derp_packets_received", () => Traffic().Disco + Traffic().Other, null,
            "Packets received from clients.");
        meter.CreateObservableCounter(
            "derp_bytes_received", () => Traffic().BytesReceived, "By",
            "Bytes of packets received from clients.");
        meter.CreateObservableCounter("derp_packets_received_kind", ReceivedByKind, null, "Packets received from clients, by kind.");
        meter.CreateObservableCounter(
            "derp_packets_dropped", () => Drops(static drops => drops.Packets), null,
            "Packets dropped, by reason and kind.");
        meter.CreateObservableCounter(
            "derp_bytes_dropped", () => Drops(static drops => drops.Bytes), "By",
            "Bytes of packets dropped, by reason and kind.");
        meter.CreateObservableCounter("derp_connections_closed_total", Closed, null, "Connections that ended, by reason.");
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
