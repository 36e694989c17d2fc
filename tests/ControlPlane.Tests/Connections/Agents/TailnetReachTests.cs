using System.Net.WebSockets;
using ControlPlane.Connections;
using Microsoft.Extensions.DependencyInjection;
using Tailnet.Ip.Tcp;
using Tailnet.Peer;

namespace ControlPlane.Tests.Connections.Agents;

/// <summary>Which agents are dialed, and what the API answers when that fails.</summary>
public sealed partial class TailnetReachTests : IAsyncDisposable
{
    private const string Id = "6f9619ff-8b86-4011-b42d-00c04fc964ff";
    private const string NoWay = "This server has no way to the agent.";
    private const string Failed = "Internal error dialing workspace agent.";

    private readonly FakeDialer _dialer = new();
    private readonly FakeAgent _local = new();
    private readonly ManualTimeProvider _time = new();
    private ApiServer _server = null!;
    private TailnetLink? _link;

    public async ValueTask DisposeAsync()
    {
        if (_link is not null)
        {
            await _link.DisposeAsync();
        }

        await (_server?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    [Fact]
    public async Task AConnectedAgentIsAskedOverTheTailnetAndNotTheLocalOne()
    {
        await using var agent = await HttpAgent.StartAsync();
        _dialer.Listeners[4] = agent.Address;
        agent.Answer("GET /api/v0/listening-ports", """{"ports":[{"process_name":"real","network":"tcp","port":8080}]}""");
        _local.Ports = [new ListeningPort("local", "tcp", 8081)];
        await StartAsync(withLocal: true);
        Assert.Equal("local", await ProcessAsync());
        Assert.Empty(_dialer.Dials);
        await ConnectAsync();
        Assert.Equal("real", await ProcessAsync());
        Assert.Equal((_server.Agent.Id, (ushort)4, TimeSpan.FromSeconds(30)), Assert.Single(_dialer.Dials));
        await _link!.CloseAsync();
        await Eventually.TrueAsync(async () => await ProcessAsync() == "local", "the local agent is asked again");
        Assert.Equal("connected", (await _server.GetAsUserAsync(_server.AgentPath)).Text("status"));
    }

    [Fact]
    public async Task AnAgentOfAServerWithoutATailnetNodeIsAPageAnd502()
    {
        _server = await ApiServer.StartAsync(time: _time);
        await ConnectAsync();
        var page = await _server.GetAsUserAsync($"{_server.AgentPath}/pty?reconnect={Id}");
        Assert.Equal(404, page.Status);
        Assert.Contains("Application Unavailable", page.Body, StringComparison.Ordinal);
        Assert.Contains(NoWay, page.Body, StringComparison.Ordinal);
        var answer = await _server.GetAsUserAsync(_server.AgentPath + "/listening-ports");
        Assert.Equal((502, Failed, NoWay), (answer.Status, answer.Message, answer.Detail));
    }

    [Theory]
    [InlineData(DialFailure.NoNode, 502, NoWay)]
    [InlineData(DialFailure.NotReachable, 502, "workspace agent not reachable in time")]
    [InlineData(DialFailure.Refused, 502, "connection refused")]
    [InlineData(DialFailure.Lost, 502, "agent lost")]
    [InlineData(DialFailure.Restarted, 502, "agent restarted")]
    [InlineData(DialFailure.Busy, 503, "too many connections")]
    [InlineData(DialFailure.Stopping, 503, "the server stops")]
    public async Task AnAgentThatCannotBeDialedIsNotReachable(DialFailure failure, int status, string detail)
    {
        _dialer.Failure = failure;
        await StartConnectedAsync();
        foreach (var path in new[] { "/listening-ports", "/containers", "/containers/watch" })
        {
            var answer = await _server.GetAsUserAsync(_server.AgentPath + path);
            Assert.Equal((status, Failed, detail), (answer.Status, answer.Message, answer.Detail));
            Assert.Equal(status == 503 ? "1" : null, answer.Headers.GetValueOrDefault("Retry-After"));
        }
    }

    [Theory]
    [InlineData("/listening-ports")]
    [InlineData("/containers/watch")]
    public async Task ADialThatTakesTooLongIs502(string path)
    {
        _dialer.IsSilent = true;
        await StartConnectedAsync();
        var answering = _server.GetAsUserAsync(_server.AgentPath + path);
        await Eventually.TrueAsync(() => !_dialer.Dials.IsEmpty, "the agent is dialed");
        _time.Advance(TimeSpan.FromSeconds(30));
        var answer = await answering.Soon();
        Assert.Equal((502, "workspace agent not reachable in time"), (answer.Status, answer.Detail));
    }

    [Theory]
    [InlineData("/listening-ports", "Failed to fetch listening ports from agent.")]
    [InlineData("/containers/watch", "Failed to fetch containers from agent.")]
    public async Task AnAgentThatDoesNotAnswerIs408(string path, string message)
    {
        using var agent = new RawAgent();
        _dialer.Listeners[4] = agent.Address;
        await StartConnectedAsync();
        var answering = _server.GetAsUserAsync(_server.AgentPath + path);
        using var stream = await agent.AcceptAsync();
        await RawAgent.ReadHeadAsync(stream).Soon();
        _time.Advance(TimeSpan.FromSeconds(30));
        var answer = await answering.Soon();
        Assert.Equal((408, message), (answer.Status, answer.Message));
    }

    [Theory]
    [InlineData(404, """{"message":"Devcontainer not found."}""", 404, "Devcontainer not found.")]
    [InlineData(409, """{"message":"Devcontainer recreation already in progress"}""", 409, "Devcontainer recreation already in progress")]
    [InlineData(500, """{"message":"oops"}""", 502, "oops")]
    [InlineData(503, """{"message":"API closed"}""", 502, "API closed")]
    [InlineData(500, "oops", 502, Failed)]
    public async Task AnErrorOfTheAgentIsPassedOn(int agentStatus, string body, int status, string message)
    {
        await using var agent = await HttpAgent.StartAsync();
        _dialer.Listeners[4] = agent.Address;
        agent.Answer($"POST /api/v0/containers/devcontainers/{Id}/recreate", body, agentStatus);
        await StartConnectedAsync();
        var answer = await _server.SendAsync(
            HttpMethod.Post, $"{_server.AgentPath}/containers/devcontainers/{Id}/recreate", _server.Credentials!.SessionToken);
        Assert.Equal((status, message), (answer.Status, answer.Message));
    }

    [Fact]
    public async Task AWatchThatTheAgentEndsAtOnceIs502()
    {
        await using var agent = await HttpAgent.StartAsync();
        _dialer.Listeners[4] = agent.Address;
        agent.Routes["GET /api/v0/containers/watch"] = static async context =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None);
        };
        await StartConnectedAsync();
        var answer = await _server.GetAsUserAsync(_server.AgentPath + "/containers/watch");
        Assert.Equal((502, Failed, "the agent has ended the watch"), (answer.Status, answer.Message, answer.Detail));
    }

    [Fact]
    public async Task AWatchShowsWhatTheAgentSendsUntilItIsLost()
    {
        await using var agent = await HttpAgent.StartAsync();
        _dialer.Listeners[4] = agent.Address;
        agent.Routes["GET /api/v0/containers/watch"] = static async context =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await socket.SendAsync(
                "{\"containers\":null,\"later\":1}"u8.ToArray(), WebSocketMessageType.Text, true, CancellationToken.None);
            await socket.ReceiveAsync(new byte[1], context.RequestAborted);
        };
        await StartConnectedAsync();
        using var socket = await TailnetLink.DialAsync(_server, _server.AgentPath + "/containers/watch", _server.Credentials!.SessionToken);
        Assert.Equal("""{"containers":[],"devcontainers":[]}""", await socket.ReceiveTextAsync());
        _dialer.Streams.Single().Fail(TcpCloseReason.AgentRestarted);
        Assert.Equal((WebSocketCloseStatus.InternalServerError, "agent restarted"), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task ARecreationIs202WithTheAgentsTexts()
    {
        await using var agent = await HttpAgent.StartAsync();
        _dialer.Listeners[4] = agent.Address;
        agent.Answer($"POST /api/v0/containers/devcontainers/{Id}/recreate", """{"message":"begun","detail":"in detail"}""", 202);
        await StartConnectedAsync();
        var answer = await _server.SendAsync(
            HttpMethod.Post, $"{_server.AgentPath}/containers/devcontainers/{Id}/recreate", _server.Credentials!.SessionToken);
        Assert.Equal((202, "begun", "in detail"), (answer.Status, answer.Message, answer.Detail));
    }

    [Theory]
    [InlineData(1_000, 426)]
    [InlineData(1_200, 400)]
    public async Task ACommandThatIsTooLongForTheAgentIsRefusedWithoutADial(int length, int status)
    {
        await StartConnectedAsync();
        var answer = await _server.GetAsUserAsync($"{_server.AgentPath}/pty?reconnect={Id}&command={new string('x', length)}");
        Assert.Equal(status, answer.Status);
        if (status == 400)
        {
            Assert.Equal("command", answer.Json.GetProperty("validations")[0].GetProperty("field").GetString());
        }

        Assert.Empty(_dialer.Dials);
    }

    [Theory]
    [InlineData("container=web")]
    [InlineData("container_user=root")]
    public async Task ATerminalInAContainerIsRefused(string query)
    {
        await StartConnectedAsync();
        Assert.Equal(400, (await _server.GetAsUserAsync($"{_server.AgentPath}/pty?reconnect={Id}&{query}")).Status);
        Assert.Empty(_dialer.Dials);
    }

    [Fact]
    public async Task AnAgentThatIsNotConnectedIsNotDialed()
    {
        await StartAsync(withLocal: false);
        Assert.Equal(400, (await _server.GetAsUserAsync(_server.AgentPath + "/listening-ports")).Status);
        Assert.Equal(404, (await _server.GetAsUserAsync($"{_server.AgentPath}/pty?reconnect={Id}")).Status);
        Assert.Empty(_dialer.Dials);
    }

    [Fact]
    public async Task AnAgentOfAnotherUserIsNeverDialed()
    {
        await StartConnectedAsync();
        _server.Execute(
            """
            INSERT INTO users (id, username, name, email, created_at, updated_at, last_seen_at, status, login_type)
            SELECT '11111111-2222-4333-8444-555555555555', 'other', name, email, created_at, updated_at, last_seen_at, status, login_type
            FROM users
            """);
        _server.Execute("UPDATE workspaces SET owner_id = '11111111-2222-4333-8444-555555555555'");
        var token = _server.Credentials!.SessionToken;
        foreach (var (method, path) in new[]
        {
            (HttpMethod.Get, "/listening-ports"),
            (HttpMethod.Get, "/containers"),
            (HttpMethod.Get, "/containers/watch"),
            (HttpMethod.Post, $"/containers/devcontainers/{Id}/recreate"),
            (HttpMethod.Post, "/containers/devcontainers/container/web/recreate"),
            (HttpMethod.Get, $"/pty?reconnect={Id}"),
        })
        {
            Assert.Equal(404, (await _server.SendAsync(method, _server.AgentPath + path, token)).Status);
        }

        Assert.Empty(_dialer.Dials);
    }

    [Fact]
    public async Task TheAgentShowsItsPath()
    {
        await StartAsync(withLocal: false);
        Assert.False((await _server.GetAsUserAsync(_server.AgentPath)).Json.TryGetProperty("tailnet", out _));
        _dialer.Path = new AgentPath(TailnetPeerState.NoNode, null, null, null, 0);
        Assert.False((await _server.GetAsUserAsync(_server.AgentPath)).Json.TryGetProperty("tailnet", out _));
        _dialer.Path = new AgentPath(TailnetPeerState.Up, 7, DateTimeOffset.UnixEpoch, TimeSpan.FromMicroseconds(1_234.6), 1);
        Assert.Equal(
            """{"home_region":7,"last_handshake_at":"1970-01-01T00:00:00Z","latency_ms":1.235}""",
            (await _server.GetAsUserAsync(_server.AgentPath)).Json.GetProperty("tailnet").GetRawText());
        _dialer.Path = new AgentPath(TailnetPeerState.Connecting, 7, null, null, 0);
        Assert.Equal(
            """{"home_region":7}""", (await _server.GetAsUserAsync(_server.AgentPath)).Json.GetProperty("tailnet").GetRawText());
    }

    private async Task StartAsync(bool withLocal) => _server = await ApiServer.StartAsync(
        directory => new ControlPlaneOptions { DataDirectory = directory, LocalAgent = withLocal ? _local : null },
        _time,
        services: services => services.AddSingleton<IAgentDialer>(_dialer));

    private async Task StartConnectedAsync()
    {
        await StartAsync(withLocal: false);
        await ConnectAsync();
    }

    private async Task ConnectAsync()
    {
        _link = await TailnetLink.RpcAsync(_server);
        await Eventually.TrueAsync(
            async () => (await _server.GetAsUserAsync(_server.AgentPath)).Json.TryGetProperty("first_connected_at", out _),
            "the agent is connected");
    }

    private async Task<string> ProcessAsync() => (await _server.GetAsUserAsync(_server.AgentPath + "/listening-ports"))
        .Json.GetProperty("ports")[0].GetProperty("process_name").GetString()!;

    private Uri Url(string query)
    {
        var url = new Uri(_server.Client.BaseAddress!, $"{_server.AgentPath}/pty?reconnect={Id}{query}");
        return new UriBuilder(url) { Scheme = "ws" }.Uri;
    }

    private ClientWebSocket Client()
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Coder-Session-Token", _server.Credentials!.SessionToken);
        socket.Options.CollectHttpResponseDetails = true;
        return socket;
    }

    private async Task<ClientWebSocket> OpenAsync(string query = "")
    {
        var socket = Client();
        await socket.ConnectAsync(Url(query), TestContext.Current.CancellationToken).Soon();
        return socket;
    }
}
