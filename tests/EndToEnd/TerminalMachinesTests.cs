using System.Net;
using System.Net.WebSockets;
using Edge.LocalAgent;

namespace EndToEnd;

/// <summary>
/// API servers with a data directory each, as on separate machines. Each has its own local agent, and no other server has its shells.
/// </summary>
public sealed class TerminalMachinesTests : IAsyncLifetime
{
    private const string Command = "echo ready; while read x; do echo got=$x; done";

    private readonly TemporaryDirectory _directory = new();
    private readonly List<EdgeProcess> _processes = [];
    private readonly int[] _ports = [Ports.Free(), Ports.Free()];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            await process.DisposeAsync();
        }

        await StopAgentAsync(0);
        await StopAgentAsync(1);
        _directory.Dispose();
    }

    [Fact]
    public async Task ATerminalWaitsForItsOwnMachineAndIsNotResumedOnAnother()
    {
        var servers = await StartBothAsync();
        using var client = await OpenAsync(await StartEdgeAsync(_ports));
        var own = File.Exists(AgentSocket(0)) ? 0 : 1;

        // The machine's API server is killed and returns; its agent and shells keep running.
        await KillAsync(servers[own]);
        await client.UntilAsync("typing is discarded]");
        await StartApiAsync(own);
        await client.UntilAsync("[connection resumed]");
        await client.TypeAsync("kept\r");
        await client.UntilAsync("got=kept\r\n");
        Assert.False(File.Exists(AgentSocket(1 - own)), "nothing was begun on the other machine");
    }

    [Fact]
    public async Task AShellThatDiedWithItsMachineIsSaidToBeGone()
    {
        var servers = await StartBothAsync();
        using var client = await OpenAsync(await StartEdgeAsync(_ports));
        var own = File.Exists(AgentSocket(0)) ? 0 : 1;

        // The whole machine restarts: no process that ran on it is left.
        await KillAsync(servers[own]);
        await StopAgentAsync(own);
        await StartApiAsync(own);
        Assert.Equal((WebSocketCloseStatus)1012, await client.ToCloseAsync());
        Assert.Contains("[the shell is gone: no API server that is up has it]", client.Seen, StringComparison.Ordinal);
        Assert.DoesNotContain("resumed", client.Seen, StringComparison.Ordinal);
        Assert.False(File.Exists(AgentSocket(0)) || File.Exists(AgentSocket(1)), "no shell was begun anywhere");
    }

    [Fact]
    public async Task AShellThatDiedWithTheAgentOfTheSameMachineIsSaidToBeGone()
    {
        var server = await StartApiAsync(0);
        using var client = await OpenAsync(await StartEdgeAsync(_ports[0]));
        await KillAsync(server);
        await StopAgentAsync(0);
        await StartApiAsync(0);
        Assert.Equal((WebSocketCloseStatus)1012, await client.ToCloseAsync());
        Assert.Contains("[the shell is gone", client.Seen, StringComparison.Ordinal);
        Assert.DoesNotContain("resumed", client.Seen, StringComparison.Ordinal);
    }

    private string Data(int machine) => _directory.File($"machine-{machine}");

    private string AgentSocket(int machine) => Path.Combine(Data(machine), "agent.sock");

    /// <summary>Two that know the same users and agents, as with one database.</summary>
    private async Task<EdgeProcess[]> StartBothAsync()
    {
        var first = await StartApiAsync(0);
        await first.SignalAsync("TERM");
        await first.ExitAsync();
        Directory.CreateDirectory(Data(1), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var file in Directory.GetFiles(Data(0)))
        {
            File.Copy(file, Path.Combine(Data(1), Path.GetFileName(file)));
        }

        return await Task.WhenAll(StartApiAsync(0), StartApiAsync(1));
    }

    private async Task<TerminalClient> OpenAsync(EdgeProcess edge)
    {
        var bootstrap = Path.Combine(Data(0), "bootstrap.json");
        var client = await TerminalClient.OpenAsync(
            edge.UrlOf("public"), Bootstrapped.AgentId(bootstrap), Bootstrapped.SessionToken(bootstrap), Guid.NewGuid(), Command);
        await client.UntilAsync("ready\r\n");
        return client;
    }

    private static async Task KillAsync(EdgeProcess server)
    {
        await server.SignalAsync("KILL");
        await server.ExitAsync();
    }

    private async Task StopAgentAsync(int machine)
    {
        await AgentProgram.StopAsync([$"--Edge:DataDirectory={Data(machine)}"], TextWriter.Null);
        await Eventually.TrueAsync(() => !File.Exists(AgentSocket(machine)), "the agent has ended");
    }

    private Task<EdgeProcess> StartApiAsync(int machine) => StartAsync(
        "--Edge:Mode=api", "--urls", $"http://127.0.0.1:{_ports[machine]}", "--Edge:Admin:Url=http://127.0.0.1:0",
        $"--Edge:DataDirectory={Data(machine)}");

    private async Task<EdgeProcess> StartEdgeAsync(params int[] ports)
    {
        var edge = await StartAsync(
        [
            "--Edge:Mode=edge", "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0",
            $"--Edge:DataDirectory={_directory.File("edge")}",
            .. ports.Select((port, at) => $"--Edge:Backends:{at}=http://127.0.0.1:{port}"),
        ]);
        using var admin = new HttpClient { BaseAddress = edge.UrlOf("admin") };
        await Eventually.TrueAsync(
            async () => (await admin.GetAsync(new Uri("/readyz", UriKind.Relative))).StatusCode == HttpStatusCode.OK, "the edge is ready");
        return edge;
    }

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
}
