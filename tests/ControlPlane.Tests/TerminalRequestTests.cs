using System.Net.WebSockets;

namespace ControlPlane.Tests;

/// <summary>Requests for <c>GET {id}/pty</c> that are refused: the query, the token, the origin, and the agent's state.</summary>
public sealed class TerminalRequestTests : IAsyncDisposable
{
    private const string Id = "6f9619ff-8b86-4011-b42d-00c04fc964ff";

    private readonly FakeAgent _agent = new();
    private readonly ManualTimeProvider _time = new();
    private ApiServer _server = null!;

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;

    [Theory]
    [InlineData("", "reconnect")]
    [InlineData("?reconnect=5", "reconnect")]
    [InlineData($"?reconnect={Id}&height=65536", "height")]
    [InlineData($"?reconnect={Id}&width=-1", "width")]
    [InlineData($"?reconnect={Id}&width=1.5", "width")]
    [InlineData($"?reconnect={Id}&backend_type=tmux", "backend_type")]
    [InlineData($"?reconnect={Id}&container=web", "container")]
    [InlineData($"?reconnect={Id}&container_user=root", "container")]
    [InlineData($"?reconnect={Id}&height=%2B1", "height")]
    [InlineData($"?reconnect={Id}&command=%00", "command")]
    public async Task AWrongQueryIs400AndNamesTheField(string query, string field)
    {
        await StartAsync();
        var answer = await _server.GetAsUserAsync(_server.AgentPath + "/pty" + query);
        Assert.Equal(400, answer.Status);
        Assert.Equal(field, Assert.Single(answer.Json.GetProperty("validations").EnumerateArray()).GetProperty("field").GetString());
    }

    [Theory]
    [InlineData(4_096, 426)]
    [InlineData(4_097, 400)]
    public async Task ACommandMayHaveSoManyCharacters(int length, int status)
    {
        await StartAsync();
        Assert.Equal(
            status,
            (await _server.GetAsUserAsync($"{_server.AgentPath}/pty?reconnect={Id}&command={new string('x', length)}")).Status);
    }

    [Fact]
    public async Task EveryWrongFieldIsNamed()
    {
        await StartAsync();
        var answer = await _server.GetAsUserAsync(_server.AgentPath + "/pty?reconnect=x&height=x&width=x&backend_type=x&container=x");
        Assert.Equal(
            ["reconnect", "height", "width", "container", "backend_type"],
            answer.Json.GetProperty("validations").EnumerateArray().Select(static wrong => wrong.GetProperty("field").GetString()));
    }

    [Fact]
    public async Task WithoutAValidTokenItIsNotThere()
    {
        await StartAsync();
        foreach (var token in new[] { null, "nonsense", _server.Credentials!.SessionToken[..^1] + "!", _server.Agent.AuthToken })
        {
            var answer = await _server.GetAsync($"{_server.AgentPath}/pty?reconnect={Id}", token);
            Assert.Equal((404, "Resource not found or you do not have access to this resource"), (answer.Status, answer.Message));
        }
    }

    [Fact]
    public async Task AnAgentThatIsNotThereIsAPage()
    {
        await StartAsync();
        var answer = await _server.GetAsUserAsync($"/api/v2/workspaceagents/{Guid.NewGuid()}/pty?reconnect={Id}");
        Assert.Equal(404, answer.Status);
        Assert.Contains("Application Not Found", answer.Body, StringComparison.Ordinal);
        Assert.StartsWith("text/html", answer.Headers["Content-Type"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAgentThatIsNotConnectedIsAPageWithItsState()
    {
        _server = await ApiServer.StartAsync();
        var answer = await _server.GetAsUserAsync($"{_server.AgentPath}/pty?reconnect={Id}");
        Assert.Equal(404, answer.Status);
        Assert.Contains("Application Unavailable", answer.Body, StringComparison.Ordinal);
        Assert.Contains("Agent state is &quot;connecting&quot;", answer.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://evil.example", 403)]
    [InlineData("null", 403)]
    [InlineData("http://localhost:1", 403)]
    public async Task AnotherOriginIsRefusedBeforeThereIsATerminal(string origin, int status)
    {
        await StartAsync();
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Coder-Session-Token", _server.Credentials!.SessionToken);
        socket.Options.SetRequestHeader("Origin", origin);
        socket.Options.CollectHttpResponseDetails = true;
        await Assert.ThrowsAsync<WebSocketException>(
            () => socket.ConnectAsync(Url($"?reconnect={Id}"), TestContext.Current.CancellationToken));
        Assert.Equal(status, (int)socket.HttpStatusCode);
        Assert.Null(_agent.Requested);
    }

    [Fact]
    public async Task WithoutAnUpgradeItIs426()
    {
        await StartAsync();
        Assert.Equal(426, (await _server.GetAsUserAsync($"{_server.AgentPath}/pty?reconnect={Id}")).Status);
        Assert.Equal(
            405,
            (await _server.SendAsync(
                HttpMethod.Post, $"{_server.AgentPath}/pty?reconnect={Id}", _server.Credentials!.SessionToken)).Status);
    }

    [Fact]
    public async Task OtherAgentsAreNotThisMachine()
    {
        await StartAsync();
        _time.Advance(TimeSpan.FromSeconds(1));
        var other = Guid.NewGuid();
        _server.Execute(
            $"""
            INSERT INTO workspace_agents (id, workspace_id, resource_id, name, hashed_auth_token, created_at, updated_at)
            SELECT '{other}', workspace_id, '{Guid.NewGuid()}', 'other', @hash, created_at + 1, updated_at FROM workspace_agents
            """);
        var answer = await _server.GetAsUserAsync($"/api/v2/workspaceagents/{other}/pty?reconnect={Id}");
        Assert.Contains("Application Unavailable", answer.Body, StringComparison.Ordinal);
        Assert.Equal("connecting", (await _server.GetAsUserAsync($"/api/v2/workspaceagents/{other}")).Text("status"));
        Assert.Equal("connected", (await _server.GetAsUserAsync(_server.AgentPath)).Text("status"));
    }

    private async Task StartAsync() => _server = await ApiServer.StartAsync(
        directory => new ControlPlaneOptions { DataDirectory = directory, LocalAgent = _agent }, _time);

    private Uri Url(string query) =>
        new UriBuilder(new Uri(_server.Client.BaseAddress!, _server.AgentPath + "/pty" + query)) { Scheme = "ws" }.Uri;
}
