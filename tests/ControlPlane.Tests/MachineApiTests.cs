using System.Net.WebSockets;
using System.Text.Json;
using ControlPlane.Connections;

namespace ControlPlane.Tests;

/// <summary>Containers, recreate and listening ports, as an agent answers them.</summary>
public sealed class MachineApiTests : IAsyncDisposable
{
    private readonly FakeAgent _agent = new();
    private readonly ManualTimeProvider _time = new();
    private ApiServer _server = null!;

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;

    [Theory]
    [InlineData("", 2)]
    [InlineData("?label=a%3Db%3Dc", 1)]
    [InlineData("?label=a%3Db%3Dc&label=a%3Dx", 0)]
    [InlineData("?label=b%3Da", 0)]
    public async Task ContainersAreListedByTheirLabels(string query, int count)
    {
        await StartAsync();
        var answer = await _server.GetAsUserAsync(_server.AgentPath + "/containers" + query);
        Assert.Equal(200, answer.Status);
        Assert.Equal(count, answer.Json.GetProperty("containers").GetArrayLength());
        Assert.Equal(0, answer.Json.GetProperty("devcontainers").GetArrayLength());
    }

    [Fact]
    public async Task AContainerHasWhatEveryDocumentShows()
    {
        await StartAsync();
        var container = (await _server.GetAsUserAsync(_server.AgentPath + "/containers")).Json.GetProperty("containers")[0];
        Assert.Equal(
            ["created_at", "id", "name", "image", "labels", "running", "ports", "status", "volumes"],
            container.EnumerateObject().Select(static member => member.Name));
        Assert.Equal(
            """{"port":80,"network":"tcp","host_ip":"0.0.0.0","host_port":8080,"process_name":""}""",
            container.GetProperty("ports")[0].GetRawText());
    }

    [Theory]
    [InlineData("?label=a")]
    [InlineData("?label=")]
    [InlineData("?label=%3Db")]
    public async Task ALabelOfAnotherFormIs400(string query)
    {
        await StartAsync();
        Assert.Equal(400, (await _server.GetAsUserAsync(_server.AgentPath + "/containers" + query)).Status);
    }

    [Fact]
    public async Task AnAgentsRefusalIsPassedOn()
    {
        _agent.Containers = static _ =>
            Task.FromException<AgentContainers>(new AgentConnectionException(500, "Could not get containers.", "no daemon"));
        await StartAsync();
        var answer = await _server.GetAsUserAsync(_server.AgentPath + "/containers");
        Assert.Equal((500, "Could not get containers.", "no daemon"), (answer.Status, answer.Message, answer.Detail));
    }

    [Fact]
    public async Task AnAgentThatCannotBeReachedIs502()
    {
        _agent.Containers = static _ => Task.FromException<AgentContainers>(new AgentConnectionException("it does not start"));
        await StartAsync();
        var answer = await _server.GetAsUserAsync(_server.AgentPath + "/containers");
        Assert.Equal((502, "Internal error dialing workspace agent.", "it does not start"), (answer.Status, answer.Message, answer.Detail));
    }

    [Fact]
    public async Task AnAgentThatDoesNotAnswerIs408After30Seconds()
    {
        var asked = new TaskCompletionSource();
        _agent.Containers = async cancellation =>
        {
            asked.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
            throw new InvalidOperationException("not reached");
        };
        await StartAsync();
        var answering = _server.GetAsUserAsync(_server.AgentPath + "/containers");
        await asked.Task.Soon();
        _time.Advance(TimeSpan.FromSeconds(29));
        Assert.False(answering.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(408, (await answering.Soon()).Status);
    }

    [Theory]
    [InlineData("GET", "/containers")]
    [InlineData("GET", "/containers/watch")]
    [InlineData("GET", "/listening-ports")]
    [InlineData("POST", "/containers/devcontainers/x/recreate")]
    [InlineData("POST", "/containers/devcontainers/container/x/recreate")]
    public async Task AnAgentThatIsNotConnectedIs400WithItsState(string method, string path)
    {
        _server = await ApiServer.StartAsync();
        var answer = await _server.SendAsync(new HttpMethod(method), _server.AgentPath + path, _server.Credentials!.SessionToken);
        Assert.Equal((400, "Agent state is \"connecting\", it must be in the \"connected\" state."), (answer.Status, answer.Message));
        Assert.Equal(401, (await _server.SendAsync(new HttpMethod(method), _server.AgentPath + path)).Status);
        Assert.Equal(405, (await _server.SendAsync(HttpMethod.Put, _server.AgentPath + path, _server.Credentials.SessionToken)).Status);
    }

    [Fact]
    public async Task AConnectedAgentThatThisServerHasNoWayToIs502()
    {
        _server = await ApiServer.StartAsync();
        await using var link = await TailnetLink.RpcAsync(_server);
        await Eventually.TrueAsync(
            async () => (await _server.GetAsUserAsync(_server.AgentPath)).Text("status") == "connected", "the agent is connected");
        Assert.Equal(502, (await _server.GetAsUserAsync(_server.AgentPath + "/listening-ports")).Status);
    }

    [Theory]
    [InlineData(
        "/containers/devcontainers/6f9619ff-8b86-4011-b42d-00c04fc964ff/recreate", "devcontainer 6f9619ff-8b86-4011-b42d-00c04fc964ff")]
    [InlineData("/containers/devcontainers/container/web/recreate", "container web")]
    public async Task RecreateIsAcceptedOnBothPaths(string path, string asked)
    {
        await StartAsync();
        var answer = await _server.SendAsync(HttpMethod.Post, _server.AgentPath + path, _server.Credentials!.SessionToken);
        Assert.Equal((202, "Begun", "in detail"), (answer.Status, answer.Message, answer.Detail));
        Assert.Equal(asked, Assert.Single(_agent.Recreated));
    }

    [Fact]
    public async Task PortsThatNoBrowserWantsAreLeftOut()
    {
        _agent.Ports = [.. ((int[])[8, 9, 22, 80, 443, 3306, 5432, 8080, 27017, 65535])
            .Select(static port => new ListeningPort("p", "tcp", port))];
        await StartAsync();
        var answer = await _server.GetAsUserAsync(_server.AgentPath + "/listening-ports");
        Assert.Equal(200, answer.Status);
        var ports = answer.Json.GetProperty("ports");
        Assert.Equal([9, 80, 443, 8080, 65535], ports.EnumerateArray().Select(static port => port.GetProperty("port").GetInt32()));
        Assert.Equal("""{"process_name":"p","network":"tcp","port":9}""", ports[0].GetRawText());
    }

    [Fact]
    public async Task AWatchTellsTheContainersAtOnceAndWhenTheyChange()
    {
        await StartAsync();
        using var socket = await TailnetLink.DialAsync(_server, _server.AgentPath + "/containers/watch", _server.Credentials!.SessionToken);
        Assert.Equal(2, await CountAsync(socket));
        await _agent.Watched.Writer.WriteAsync(new AgentContainers([FakeAgent.Web], []), TestContext.Current.CancellationToken);
        Assert.Equal(1, await CountAsync(socket));
        _agent.Watched.Writer.Complete();
        Assert.Equal(WebSocketCloseStatus.NormalClosure, (await socket.ReceiveCloseAsync()).Status);
    }

    [Fact]
    public async Task AWatchOfAnAgentThatIsLostCloses1011WithTheReason()
    {
        await StartAsync();
        using var socket = await TailnetLink.DialAsync(_server, _server.AgentPath + "/containers/watch", _server.Credentials!.SessionToken);
        Assert.Equal(2, await CountAsync(socket));
        _agent.Watched.Writer.Complete(new AgentConnectionException("agent lost"));
        Assert.Equal((WebSocketCloseStatus.InternalServerError, "agent lost"), await socket.ReceiveCloseAsync());
    }

    [Fact]
    public async Task AWatchEndsWithTheServer()
    {
        await StartAsync();
        using var socket = await TailnetLink.DialAsync(_server, _server.AgentPath + "/containers/watch", _server.Credentials!.SessionToken);
        Assert.Equal(2, await CountAsync(socket));
        var stopping = _server.StopAsync();
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, (await socket.ReceiveCloseAsync()).Status);
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", TestContext.Current.CancellationToken);
        await stopping.Soon();
    }

    [Fact]
    public async Task AWatchOfAnAgentThatRefusesIsAnsweredBeforeTheUpgrade()
    {
        _agent.Containers = static _ => Task.FromException<AgentContainers>(new AgentConnectionException(500, "Could not get containers."));
        await StartAsync();
        Assert.Equal(500, (await _server.GetAsUserAsync(_server.AgentPath + "/containers/watch")).Status);
    }

    private async Task StartAsync() => _server = await ApiServer.StartAsync(
        directory => new ControlPlaneOptions { DataDirectory = directory, LocalAgent = _agent }, _time);

    private static async Task<int> CountAsync(WebSocket socket) =>
        JsonDocument.Parse(await socket.ReceiveTextAsync()).RootElement.GetProperty("containers").GetArrayLength();
}
