using System.Globalization;
using Relay.Derp;

namespace Testing;

/// <summary>What operators see of a node's relay, for tests that wait for it.</summary>
internal static class TestNodeMetrics
{
    /// <summary>Waits until a metric of the relay is so.</summary>
    /// <param name="node">The node.</param>
    /// <param name="line">As in <c>/metrics</c>: name, labels if it has any, and value.</param>
    public static async Task MetricIsAsync(this TestNode node, string line)
    {
        var at = line.LastIndexOf(' ');
        using var series = new DerpSeries(node.Node.Relay!);
        await Eventually.TrueAsync(() => series[line[..at]] == long.Parse(line[(at + 1)..], CultureInfo.InvariantCulture), line);
    }

    /// <summary>A metric's value now.</summary>
    public static long Metric(this TestNode node, string name)
    {
        using var series = new DerpSeries(node.Node.Relay!);
        return series[name];
    }

    /// <summary>What the relay knows of one of its clients.</summary>
    public static DerpClientView Client(this TestNode node, DerpPeer peer) =>
        node.Node.Relay!.Clients().Single(view => view.Key == peer.Key);
}
