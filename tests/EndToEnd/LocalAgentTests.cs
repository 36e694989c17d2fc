using System.Net;
using System.Net.WebSockets;
using Edge.LocalAgent;

namespace EndToEnd;

/// <summary>Shells of this machine through the whole program: edge, API server, and the agent's own process.</summary>
public sealed class LocalAgentTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await StopAgentAsync();
        await Eventually.TrueAsync(() => !File.Exists(Socket), "the agent has ended");
        _directory.Dispose();
    }

    private string Data => _directory.File("data");

    private string Socket => Path.Combine(Data, "agent.sock");

    [Fact]
    public async Task AShellOutlivesTheServerThatStartedItsAgent()
    {
        var reconnect = Guid.NewGuid();
        const string Command = "echo pid=$$; read x; echo got=$x; read y";
        string first;
        await using (var node = await StartAsync())
        {
            using var client = await OpenAsync(node, reconnect, Command);
            await client.UntilAsync("pid=");
            first = await client.UntilAsync("\r\n");
        }

        await using (var node = await StartAsync())
        {
            using var client = await OpenAsync(node, reconnect, Command);
            await client.UntilAsync("pid=");
            Assert.Equal(first, await client.UntilAsync("\r\n"));
            await client.TypeAsync("hello\r");
            await client.UntilAsync("got=hello\r\n");
            await client.TypeAsync("\r");
            Assert.Equal(WebSocketCloseStatus.NormalClosure, await client.ToCloseAsync());
        }
    }

    [Fact]
    public async Task AnAgentThatDiedIsStartedAgain()
    {
        await using var node = await StartAsync();
        using (var client = await OpenAsync(node, Guid.NewGuid(), "echo $PPID; read x"))
        {
            await client.UntilAsync("\r\n");
            Assert.Equal(0, await StopAgentAsync());
            Assert.Equal(WebSocketCloseStatus.InternalServerError, await client.ToCloseAsync());
        }

        await Eventually.TrueAsync(() => !File.Exists(Socket), "the agent has ended");
        using var again = await OpenAsync(node, Guid.NewGuid(), "echo again");
        Assert.Equal(WebSocketCloseStatus.NormalClosure, await again.ToCloseAsync());
        Assert.Equal("again\r\n", again.Seen);
    }

    [Fact]
    public async Task AShellFindsNothingOfTheServersEnvironment()
    {
        var environment = new Dictionary<string, string> { ["Edge__RateLimit__PerMinute"] = "777", ["PGPASSWORD"] = "secret" };
        await using var edge = await EdgeProcess.StartAsync(
            _directory.Path, environment, "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0",
            $"--Edge:DataDirectory={Data}");
        Assert.Contains($"shells   of user {Environment.UserName} on this machine", edge.Output, StringComparison.Ordinal);
        var bootstrap = Path.Combine(Data, "bootstrap.json");
        using var client = await TerminalClient.OpenAsync(
            edge.UrlOf("public"), Bootstrapped.AgentId(bootstrap), Bootstrapped.SessionToken(bootstrap), Guid.NewGuid(),
            "env; tr '\\0' '\\n' < /proc/$PPID/environ");
        await client.ToCloseAsync();
        Assert.Contains("TERM=xterm-256color", client.Seen, StringComparison.Ordinal);
        Assert.Contains("PATH=", client.Seen, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", client.Seen, StringComparison.Ordinal);
        Assert.DoesNotContain("Edge__", client.Seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task BackspaceErasesAWholeCharacterWhereTheServerHasNoLocale()
    {
        string[] names = ["LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE"];
        await using var edge = await EdgeProcess.StartAsync(
            _directory.Path, names.ToDictionary(static name => name, static _ => ""), "--urls", "http://127.0.0.1:0",
            "--Edge:Admin:Url=http://127.0.0.1:0", $"--Edge:DataDirectory={Data}");
        var bootstrap = Path.Combine(Data, "bootstrap.json");
        using var client = await TerminalClient.OpenAsync(
            edge.UrlOf("public"), Bootstrapped.AgentId(bootstrap), Bootstrapped.SessionToken(bootstrap), Guid.NewGuid(),
            "PS1='ready> ' exec bash --noprofile --norc -i");
        await client.UntilAsync("ready> ");
        await client.TypeAsync("x=日é\u007f\r");
        await client.UntilAsync("ready> ");
        await client.TypeAsync("printf %s \"$x\" | od -An -tx1; echo ${#x} characters\r");
        await client.UntilAsync(" e6 97 a5\r\n1 characters\r\n");
    }

    [Fact]
    public async Task PortsAndContainersAreOfThisMachine()
    {
        await using var node = await StartAsync();
        var ports = await GetAsync(node, "listening-ports");
        Assert.Equal(HttpStatusCode.OK, ports.Status);
        Assert.Contains($"\"port\":{node.PublicUrl.Port}", ports.Body, StringComparison.Ordinal);

        // Docker may or may not be here.
        var containers = await GetAsync(node, "containers");
        Assert.Contains(
            containers.Status == HttpStatusCode.OK ? "\"containers\":[" : "Could not get containers.",
            containers.Body,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ControlPlane:LocalAgent=off", "urls=http://127.0.0.1:0")]
    [InlineData("urls=http://127.0.0.1:0;http://0.0.0.0:0", "Relay:Derp:Mode=off")]
    public async Task WithoutALocalAgentThereIsNoShell(params string[] settings)
    {
        await using var node = await TestNode.StartAsync([$"Edge:DataDirectory={Data}", .. settings]);
        Assert.False(node.Node.HasLocalAgent);
        var answer = await GetAsync(node, $"pty?reconnect={Guid.NewGuid()}");
        Assert.Equal(HttpStatusCode.NotFound, answer.Status);
        Assert.Contains("Application Unavailable", answer.Body, StringComparison.Ordinal);
        Assert.False(File.Exists(Socket));
    }

    [Fact]
    public async Task ASecondAgentForTheSameDirectoryDoesNotStart()
    {
        await using var node = await StartAsync();
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(node, "listening-ports")).Status);
        using var errors = new StringWriter();
        Assert.Equal(1, await AgentProgram.RunAsync([$"--Edge:DataDirectory={Data}"], TextWriter.Null, errors));
        Assert.Contains("an agent runs already", errors.ToString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(node, "listening-ports")).Status);
    }

    private Task<int> StopAgentAsync() => AgentProgram.StopAsync([$"--Edge:DataDirectory={Data}"], TextWriter.Null);

    private Task<TestNode> StartAsync() => TestNode.StartAsync($"Edge:DataDirectory={Data}");

    private static Task<TerminalClient> OpenAsync(TestNode node, Guid reconnect, string command)
    {
        var bootstrap = node.Node.Data.BootstrapFile;
        return TerminalClient.OpenAsync(
            node.PublicUrl, Bootstrapped.AgentId(bootstrap), Bootstrapped.SessionToken(bootstrap), reconnect, command);
    }

    private static async Task<(HttpStatusCode Status, string Body)> GetAsync(TestNode node, string path)
    {
        var bootstrap = node.Node.Data.BootstrapFile;
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v2/workspaceagents/{Bootstrapped.AgentId(bootstrap)}/{path}");
        request.Headers.Add("Coder-Session-Token", Bootstrapped.SessionToken(bootstrap));
        using var answer = await node.Public.SendAsync(request, CancellationToken.None);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(CancellationToken.None));
    }
}
