using System.Net.Sockets;

namespace Mesh;

/// <summary>Three relays in separate processes with two thousand clients each, one of which is killed and returns under traffic.</summary>
public sealed class MeshTests(ITestOutputHelper output)
{
    /// <summary>Of each node.</summary>
    public const int Clients = 2000;

    private const int Nodes = 3;

    [Fact]
    public async Task OnlyPacketsInFlightAreLostWhenANodeIsKilledAndReturns()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("mesh.key"), new string('7', 64));
        var nodes = Enumerable.Range(0, Nodes)
            .Select(i => new Node(Directory.CreateDirectory(directory.File($"{i}")).FullName, directory.File("mesh.key"))).ToArray();
        try
        {
            await Task.WhenAll(nodes.Select(node => node.StartAsync(nodes.Where(other => other != node))));
            await Task.WhenAll(nodes.Select(static node => node.ConnectAsync()));
            await Task.WhenAll(nodes.Select(static node => node.MeshedAsync()));

            using var enough = new CancellationTokenSource();
            var traffic = nodes.Select((_, i) => SendAsync(nodes[i], nodes[(i + 1) % Nodes], enough.Token)).ToArray();
            await ProgressAsync(nodes, 3);

            // The clients of node 0 send to those of 1, these to those of 2, these to those of 0.
            await nodes[2].KillAsync();
            await ProgressAsync([nodes[1]], 3);
            await nodes[2].StartAsync([nodes[0], nodes[1]]);
            await nodes[2].ConnectAsync();
            await Task.WhenAll(nodes.Select(static node => node.MeshedAsync()));
            foreach (var flow in nodes.Where(node => node != nodes[1]).SelectMany(Flows))
            {
                flow.Forgive();
            }

            await ProgressAsync(nodes, 3);
            await enough.CancelAsync();
            await Task.WhenAll(traffic);
            await Eventually.TrueAsync(() => nodes.SelectMany(Flows).All(static flow => flow.IsIdle), "what is under way has come");

            var lost = nodes.Select(static node => Flows(node).Sum(static flow => flow.Lost)).ToArray();
            output.WriteLine($"{nodes.SelectMany(Flows).Sum(static flow => flow.Received)} packets came; lost of those to each node: "
                + $"{string.Join(", ", lost)}");
            Assert.DoesNotContain(nodes.SelectMany(Flows), static flow => flow.IsReordered);
            Assert.Equal(0, lost[1]);
            Assert.All(nodes.SelectMany(Flows), static flow => Assert.InRange(flow.Lost, 0, Flow.Window));
        }
        finally
        {
            foreach (var node in nodes)
            {
                await node.DisposeAsync();
            }
        }
    }

    private static IEnumerable<Flow> Flows(Node node) => node.Pairs.SelectMany(static pair => pair.Flows);

    // Each client sends to the one of its number, as fast as those come that it has sent.
    private static async Task SendAsync(Node from, Node to, CancellationToken enough)
    {
        while (!enough.IsCancellationRequested)
        {
            for (var i = 0; i < Clients; i++)
            {
                foreach (var flow in to.Pairs[i].Flows)
                {
                    if (from.Client(i) is { } client && flow.Next() is { } packet)
                    {
                        await TrySendAsync(client, to, i, packet);
                    }
                }
            }

            await Task.Yield();
        }
    }

    private static async Task TrySendAsync(DerpPeer client, Node to, int i, byte[] packet)
    {
        try
        {
            await client.SendAsync(to.KeyOf(i), packet);
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException)
        {
            return; // Its node was killed: the packet counts as in flight.
        }
    }

    // Every client of these nodes gets so many more packets of each kind.
    private static async Task ProgressAsync(Node[] nodes, int packets)
    {
        var goals = nodes.SelectMany(Flows).Select(flow => (Flow: flow, Goal: flow.Received + packets)).ToArray();
        await Eventually.TrueAsync(() => goals.All(static goal => goal.Flow.Received >= goal.Goal), "everybody gets packets");
    }
}
