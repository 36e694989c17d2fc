using System.Globalization;
using System.Net;
using Edge.LocalAgent;

namespace EndToEnd;

/// <summary>Terminals while API servers come and go: each server and edge a process of its own, one local agent behind them all.</summary>
public sealed class TerminalResumptionTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<EdgeProcess> _processes = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            await process.DisposeAsync();
        }

        await AgentProgram.StopAsync([$"--Edge:DataDirectory={Data}"], TextWriter.Null);
        _directory.Dispose();
    }

    private string Data => _directory.File("data");

    private string Bootstrap => Path.Combine(Data, "bootstrap.json");

    [Fact]
    public async Task ATerminalIsKeptThroughARollingRestartUnderTyping()
    {
        var (portA, portB) = (Ports.Free(), Ports.Free());
        var serverA = await StartApiAsync(portA);
        var startB = StartApiAsync(portB);
        var edges = await Task.WhenAll(StartEdgeAsync("edge-1", portA, portB), StartEdgeAsync("edge-2", portA, portB));
        var serverB = await startB;
        var clients = new List<TerminalClient>();
        foreach (var edge in edges)
        {
            clients.Add(
                await OpenAsync(edge, Guid.NewGuid(), "stty -echo; echo ready; while read x; do echo \"got=$x size=$(stty size)\"; done"));
            await clients[^1].UntilAsync("ready\r\n");
        }

        foreach (var client in clients)
        {
            await client.ResizeAsync(31, 97);
            await TypeLineAsync(client, 0);
        }

        // Each terminal has lost its server once, because both servers were restarted.
        foreach (var (server, port, round) in new[] { (serverA, portA, 1), (serverB, portB, 2) })
        {
            await StopAsync(server);
            var line = round * 10;
            foreach (var client in clients)
            {
                await TypeLineAsync(client, ++line);
            }

            await StartApiAsync(port);
            await Task.WhenAll(edges.Select(IsReadyAsync));
            foreach (var client in clients)
            {
                await TypeLineAsync(client, ++line);
            }
        }

        foreach (var client in clients)
        {
            Assert.Contains("[connection resumed]", client.Seen, StringComparison.Ordinal);
            client.Dispose();
        }
    }

    [Fact]
    public async Task ATerminalPausesUntilItsOnlyServerIsBack()
    {
        var port = Ports.Free();
        var server = await StartApiAsync(port);
        var edge = await StartEdgeAsync("edge", port);
        using var client = await OpenAsync(edge, Guid.NewGuid(), "stty -echo; echo ready; while read x; do echo \"got=$x\"; done");
        await client.UntilAsync("ready\r\n");
        await server.SignalAsync("KILL");
        await server.ExitAsync();
        await client.UntilAsync("paused, typing is discarded]\r\n");
        await client.TypeAsync("lost\r");
        await StartApiAsync(port);
        await client.UntilAsync("[connection resumed]\r\n");
        await client.TypeAsync("kept\r");
        await client.UntilAsync("got=kept\r\n");
        Assert.DoesNotContain("got=lost", client.Seen, StringComparison.Ordinal);
    }

    /// <summary>Types until it is answered, as a user does who reads that typing is discarded.</summary>
    private static async Task TypeLineAsync(TerminalClient client, int number)
    {
        var text = number.ToString(CultureInfo.InvariantCulture);
        await client.TypeAsync($"line-{text}\r");
        while (await client.UntilAnyAsync($"got=line-{text} size=31 97\r\n", "[connection resumed]\r\n") != 0)
        {
            await client.TypeAsync($"line-{text}\r");
        }
    }

    private async Task StopAsync(EdgeProcess server)
    {
        await server.SignalAsync("TERM");
        await server.ExitAsync();
        _processes.Remove(server);
        await server.DisposeAsync();
    }

    private static async Task IsReadyAsync(EdgeProcess edge)
    {
        using var admin = new HttpClient { BaseAddress = edge.UrlOf("admin") };
        await Eventually.TrueAsync(
            async () => (await admin.GetAsync(new Uri("/readyz", UriKind.Relative))).StatusCode == HttpStatusCode.OK, "the edge is ready");
    }

    private Task<TerminalClient> OpenAsync(EdgeProcess edge, Guid reconnect, string command) =>
        TerminalClient.OpenAsync(
            edge.UrlOf("public"), Bootstrapped.AgentId(Bootstrap), Bootstrapped.SessionToken(Bootstrap), reconnect, command);

    private Task<EdgeProcess> StartApiAsync(int port) => StartAsync(
        "--Edge:Mode=api", "--urls", $"http://127.0.0.1:{port}", "--Edge:Admin:Url=http://127.0.0.1:0", $"--Edge:DataDirectory={Data}");

    private Task<EdgeProcess> StartEdgeAsync(string name, params int[] ports) => StartAsync(
    [
        "--Edge:Mode=edge", "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0",
        $"--Edge:DataDirectory={_directory.File(name)}",
        .. ports.Select((port, at) => $"--Edge:Backends:{at}=http://127.0.0.1:{port}"),
    ]);

    private async Task<EdgeProcess> StartAsync(params string[] arguments)
    {
        var process = await EdgeProcess.StartAsync(_directory.Path, arguments);
        Assert.True(process.Output.Contains("  stop ", StringComparison.Ordinal), process.Output);
        lock (_processes)
        {
            _processes.Add(process);
        }

        return process;
    }

    // A server that returns does so on its own port: it is chosen by the system, and free again until the server takes it.
}
