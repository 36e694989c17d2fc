using Tailnet.Peer;

namespace ControlPlane.Tests.Dialing;

/// <summary>What the routes <c>tcp</c> and <c>ping</c> answer.</summary>
public sealed class DialingAnswerTests
{
    private const string Ports = "Must be 1 (SSH), 3 (speed test), or a number from 9 to 65535.";

    public static TheoryData<string> Paths => ["/tcp?port=8080", "/ping"];

    [Fact]
    public async Task APingTellsTheRoundTripAndThePath()
    {
        await using var server = await DialingServer.StartAsync();
        server.Dialer.Latency = TimeSpan.FromTicks(12_346);
        server.Dialer.Path = new AgentPath(TailnetPeerState.Up, 999, DateTimeOffset.UnixEpoch, null, 3);

        var answer = await server.Api.GetAsUserAsync(server.Api.AgentPath + "/ping");

        Assert.Equal(200, answer.Status);
        Assert.Equal(
            """{"latency_ms":1.235,"home_region":999,"last_handshake_at":"1970-01-01T00:00:00Z","connections":3}""", answer.Body.Trim());
        Assert.Equal((server.Api.Agent.Id, 0, TimeSpan.FromSeconds(30)), server.Dialer.Called);
    }

    [Theory]
    [InlineData("")]
    [InlineData("?port=")]
    [InlineData("?port=ssh")]
    [InlineData("?port=-1")]
    [InlineData("?port=+80")]
    [InlineData("?port=0")]
    [InlineData("?port=2")]
    [InlineData("?port=4")]
    [InlineData("?port=8")]
    [InlineData("?port=65536")]
    [InlineData("?port=80&port=81")]
    public async Task APortThatIsNotAllowedIs400WithWhatIsAllowed(string query)
    {
        await using var server = await DialingServer.StartAsync();
        var answer = await server.RefusedAsync("/tcp" + query);
        Assert.Equal(400, answer.Status);
        Assert.Contains($$"""{"field":"port","detail":"{{Ports}}"}""", answer.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("3")]
    [InlineData("9")]
    [InlineData("65535")]
    public async Task AnAllowedPortIsDialed(string port)
    {
        await using var server = await DialingServer.StartAsync();
        using var socket = await server.ConnectAsync(port);
        using var agent = await server.Dialer.AcceptAsync();
        Assert.Equal(
            (server.Api.Agent.Id, int.Parse(port, System.Globalization.CultureInfo.InvariantCulture), TimeSpan.FromSeconds(30)),
            server.Dialer.Called);
    }

    [Theory]
    [InlineData("/tcp?port=8080", DialFailure.NotReachable, 502, "workspace agent not reachable in time")]
    [InlineData("/tcp?port=8080", DialFailure.NoNode, 502, "This server has no way to the agent.")]
    [InlineData("/tcp?port=8080", DialFailure.Refused, 502, "connection refused")]
    [InlineData("/tcp?port=8080", DialFailure.Busy, 503, "too many connections")]
    [InlineData("/tcp?port=8080", DialFailure.Lost, 502, "agent lost")]
    [InlineData("/tcp?port=8080", DialFailure.Restarted, 502, "agent restarted")]
    [InlineData("/tcp?port=8080", DialFailure.Stopping, 503, "the server stops")]
    [InlineData("/ping", DialFailure.NotReachable, 502, "workspace agent not reachable in time")]
    [InlineData("/ping", DialFailure.NoNode, 502, "This server has no way to the agent.")]
    [InlineData("/ping", DialFailure.Busy, 503, "too many connections")]
    public async Task AFailedDialIsAnsweredWithItsCause(string path, DialFailure failure, int status, string detail)
    {
        await using var server = await DialingServer.StartAsync();
        server.Dialer.Failure = new DialException(failure);
        var answer = await server.RefusedAsync(path);
        Assert.Equal((status, "Internal error dialing workspace agent.", detail), (answer.Status, answer.Message, answer.Detail));
        Assert.Equal(status == 503 ? "1" : null, answer.Headers.GetValueOrDefault("Retry-After"));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task AServerThatStopsAnswers503(string path)
    {
        await using var server = await DialingServer.StartAsync();
        server.Dialer.Hangs = true;
        var answering = server.RefusedAsync(path);
        await Eventually.TrueAsync(() => server.Dialer.Called.Agent == server.Api.Agent.Id, "the agent is dialed");
        var stopping = server.Api.StopAsync();
        Assert.Equal(503, (await answering.Soon()).Status);
        await stopping.Soon();
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task AnAgentThatIsNotConnectedIs400WithItsState(string path)
    {
        await using var server = await DialingServer.StartAsync(isConnected: false);
        var answer = await server.RefusedAsync(path);
        Assert.Equal((400, "Agent state is \"connecting\", it must be in the \"connected\" state."), (answer.Status, answer.Message));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task AServerWithoutATailnetNodeHasNoWay(string path)
    {
        await using var server = await DialingServer.StartAsync(hasNode: false);
        var answer = await server.RefusedAsync(path);
        Assert.Equal((502, "This server has no way to the agent."), (answer.Status, answer.Detail));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task TheLocalAgentIsNotDialed(string path)
    {
        await using var server = await DialingServer.StartAsync(
            options: static directory => new ControlPlaneOptions { DataDirectory = directory, LocalAgent = new FakeAgent() },
            isConnected: false);
        var answer = await server.RefusedAsync(path);
        Assert.Equal((502, "This server has no way to the agent."), (answer.Status, answer.Detail));
        Assert.Equal(default, server.Dialer.Called);
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task OnlyTheOwnerGetsIn(string path)
    {
        await using var server = await DialingServer.StartAsync();
        var api = server.Api;
        Assert.Equal(401, (await DialingServer.RefusedAsync(api, api.AgentPath + path, null)).Status);
        Assert.Equal(401, (await DialingServer.RefusedAsync(api, api.AgentPath + path, api.Agent.AuthToken)).Status);
        var unknown = $"/api/v2/workspaceagents/{Guid.NewGuid()}{path}";
        Assert.Equal(404, (await DialingServer.RefusedAsync(api, unknown, api.Credentials!.SessionToken)).Status);
        Assert.Equal(405, (await api.SendAsync(HttpMethod.Put, api.AgentPath + path, api.Credentials.SessionToken)).Status);
        Assert.Equal(default, server.Dialer.Called);
    }

    [Fact]
    public async Task ARequestWithoutAHandshakeIs426()
    {
        await using var server = await DialingServer.StartAsync();
        Assert.Equal(426, (await server.Api.GetAsUserAsync(server.Api.AgentPath + "/tcp?port=8080")).Status);
        Assert.Equal(default, server.Dialer.Called);
    }

    [Fact]
    public async Task AUserHasOnlySomeConnectionsAtOnce()
    {
        await using var server = await DialingServer.StartAsync(
            options: static directory => new ControlPlaneOptions { DataDirectory = directory, MaxTcpConnectionsPerUser = 2 });
        using var first = await server.ConnectAsync();
        using var second = await server.ConnectAsync();

        var answer = await server.RefusedAsync("/tcp?port=8080");

        Assert.Equal((429, "1"), (answer.Status, answer.Headers["Retry-After"]));
        Assert.Equal("Too many TCP connections to agents are open at once.", answer.Message);
        Assert.Equal("A user may have 2. Close some, and try again.", answer.Detail);
        Assert.Equal(200, (await server.Api.GetAsUserAsync(server.Api.AgentPath + "/ping")).Status);

        first.Abort();
        server.Dialer.Failure = new DialException(DialFailure.Refused);
        await Eventually.TrueAsync(async () => (await server.RefusedAsync("/tcp?port=8080")).Status == 502, "a place is free again");
        Assert.Equal(502, (await server.RefusedAsync("/tcp?port=8080")).Status);
    }

    [Fact]
    public void AUserMayHave64Connections() =>
        Assert.Equal(64, new ControlPlaneOptions { DataDirectory = "" }.MaxTcpConnectionsPerUser);
}
