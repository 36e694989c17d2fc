using System.Diagnostics.Metrics;
using Edge.Listeners;
using Tailnet.Peer;
using Node = Tailnet.Peer.TailnetNode;

namespace Edge.TailnetNode;

/// <summary>The metrics of the tailnet node. Most are read when they are collected, so packets cost nothing more.</summary>
internal sealed class TailnetNodeMetrics
{
    // Seconds. Warm dials take one round trip, cold ones three and the relay's connection.
    private static readonly double[] Buckets = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

    private readonly Counter<long> _dials;
    private readonly Histogram<double> _dialSeconds;

    public TailnetNodeMetrics(IMeterFactory meters, Node node, RegionRelays relays)
    {
        var meter = meters.Create(AccessMetrics.MeterName);
        _dials = meter.CreateCounter<long>("edge.tailnet.dials", "{dial}", "Dials of agents, by result: ok or the reason of the failure.");
        _dialSeconds = meter.CreateHistogram(
            "edge.tailnet.dial.duration",
            "s",
            "Time of dials that succeeded, by whether a session existed.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Buckets });
        node.DialEnded = OnDialEnded;

        meter.CreateObservableGauge(
            "edge.tailnet.peers",
            () => Enum.GetValues<TailnetPeerState>().Where(static state => state is not TailnetPeerState.Forgotten)
                .Select(state => Labeled(node.Statistics().Peers.GetValueOrDefault(state), "state", LabelOf(state))),
            "{agent}",
            "Agents with a tunnel, by state.");
        meter.CreateObservableGauge(
            "edge.tailnet.connections", () => node.Statistics().Connections, "{connection}", "TCP connections to agents.");
        meter.CreateObservableGauge(
            "edge.tailnet.buffered", () => node.Statistics().BufferedBytes, "By", "Memory in the buffers of connections to agents.");
        meter.CreateObservableCounter(
            "edge.tailnet.messages",
            () => Directions(node.Statistics(), static now => now.MessagesReceived, static now => now.MessagesSent),
            "{message}",
            "WireGuard messages from and to relays.");
        meter.CreateObservableCounter(
            "edge.tailnet.bytes",
            () => Directions(node.Statistics(), static now => now.BytesReceived, static now => now.BytesSent),
            "By",
            "Bytes of the WireGuard messages.");
        meter.CreateObservableCounter(
            "edge.tailnet.handshakes",
            () => Handshakes(node.Statistics()),
            "{handshake}",
            "Finished WireGuard handshakes, by this node's role.");
        meter.CreateObservableCounter(
            "edge.tailnet.drops",
            () => node.Statistics().Drops.Select(static drop => Labeled(drop.Value, "reason", drop.Key)),
            "{message}",
            "Messages, packets and nodes that were dropped, by reason.");
        meter.CreateObservableCounter(
            "edge.tailnet.tcp.retransmits",
            () => node.Statistics().Retransmits.Select(static kind => Labeled(kind.Value, "kind", kind.Key)),
            "{segment}",
            "TCP segments that were sent again, by kind.");
        meter.CreateObservableGauge(
            "edge.tailnet.relay.up",
            () => relays.Connected.Select(static region =>
                new Measurement<long>(1, new KeyValuePair<string, object?>("region", region))),
            null,
            "1 for each region to whose relay this node is connected.");
        meter.CreateObservableGauge(
            "edge.tailnet.home.region", () => relays.Home, null, "The home region of this node; 0 before the first dial.");
    }

    /// <summary>The state as a metric label and in <c>/status</c>.</summary>
    public static string LabelOf(TailnetPeerState state) => state switch
    {
        TailnetPeerState.NoNode => "no_node",
        TailnetPeerState.Connecting => "connecting",
        TailnetPeerState.Up => "up",
        TailnetPeerState.Quiet => "quiet",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, "not a state with a label"),
    };

    private static Measurement<long> Labeled(long value, string label, string text) =>
        new(value, new KeyValuePair<string, object?>(label, text));

    private static Measurement<long>[] Directions(
        TailnetStatistics now, Func<TailnetStatistics, long> received, Func<TailnetStatistics, long> sent) =>
        [Labeled(received(now), "direction", "received"), Labeled(sent(now), "direction", "sent")];

    private static Measurement<long>[] Handshakes(TailnetStatistics now) =>
        [Labeled(now.Initiated, "role", "initiator"), Labeled(now.Answered, "role", "responder")];

    private static string LabelOf(DialFailure? failure) => failure switch
    {
        null => "ok",
        DialFailure.NotReachable => "not_reachable",
        DialFailure.NoNode => "no_node",
        DialFailure.Refused => "refused",
        DialFailure.Busy => "busy",
        DialFailure.Lost => "lost",
        DialFailure.Restarted => "restarted",
        DialFailure.Stopping => "stopping",
        _ => throw new ArgumentOutOfRangeException(nameof(failure), failure, "not a failure"),
    };

    private void OnDialEnded(DialFailure? failure, TimeSpan time, bool isWarm)
    {
        _dials.Add(1, new KeyValuePair<string, object?>("result", LabelOf(failure)));
        if (failure is null)
        {
            _dialSeconds.Record(time.TotalSeconds, new KeyValuePair<string, object?>("warm", isWarm ? "true" : "false"));
        }
    }
}
