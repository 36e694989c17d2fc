using System.Net.WebSockets;
using Tailnet.Peer;

namespace ControlPlane.Tests.Connections.Agents;

/// <summary>Terminals that an edge attaches again (<c>Edge-Resume</c>), for instance after a restart of the API server.</summary>
public sealed class ResumedTerminalTests : IAsyncDisposable
{
    private readonly FakeDialer _dialer = new();
    private readonly FakeAgent _local = new();
    private ApiServer? _server;

    public async ValueTask DisposeAsync() => await (_server?.DisposeAsync() ?? ValueTask.CompletedTask);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task UntilTheAgentIsConnectedTheAnswerIs503(bool withLocal)
    {
        await StartAsync(withLocal);

        Assert.Equal(503, await StatusAsync(isResumed: true));
        Assert.Empty(_dialer.Dials);
        Assert.Null(_local.Requested);
        if (!withLocal)
        {
            Assert.Equal(404, await StatusAsync(isResumed: false));
        }
    }

    [Theory]
    [InlineData(DialFailure.NoNode)]
    [InlineData(DialFailure.NotReachable)]
    [InlineData(DialFailure.Lost)]
    public async Task WhileTheAgentCannotBeDialedTheAnswerIs503(DialFailure failure)
    {
        await StartAsync(withLocal: false);
        _dialer.Failure = failure;
        await using var link = await TailnetLink.RpcAsync(_server!);
        await Eventually.TrueAsync(
            async () => (await _server!.GetAsUserAsync(_server.AgentPath)).Text("status") == "connected", "the agent is connected");

        Assert.Equal(503, await StatusAsync(isResumed: true));
        Assert.NotEmpty(_dialer.Dials);
    }

    private async Task StartAsync(bool withLocal) => _server = await ApiServer.StartAsync(
        directory => new() { DataDirectory = directory, LocalAgent = withLocal ? _local : null }, dialer: _dialer);

    private async Task<int> StatusAsync(bool isResumed)
    {
        using var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        socket.Options.SetRequestHeader("Coder-Session-Token", _server!.Credentials!.SessionToken);
        if (isResumed)
        {
            socket.Options.SetRequestHeader("Edge-Resume", "1");
        }

        var url = new Uri(_server.Client.BaseAddress!, $"{_server.AgentPath}/pty?reconnect={Guid.NewGuid()}");
        await Assert.ThrowsAsync<WebSocketException>(
            () => socket.ConnectAsync(new UriBuilder(url) { Scheme = "ws" }.Uri, CancellationToken.None).Soon());
        return (int)socket.HttpStatusCode;
    }
}
