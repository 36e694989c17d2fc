using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text.Json.Nodes;

namespace Peers.Acceptance;

/// <summary>Ports and containers of a real agent's machine, by the age of the agent.</summary>
public sealed class MachineTests(SharedServer shared)
{
    private const string Container = "7f3a1c9e5b2d";
    private const string Devcontainer = "1b4e28ba-2fa1-41d2-883f-0016d3cca427";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly EdgeServer _server = shared.Server;

    [Fact]
    public async Task ListeningPortsAreThoseOfTheAgentWithoutIgnoredOnes()
    {
        using var shown = new TcpListener(IPAddress.Loopback, 0);
        using var ignored = new TcpListener(IPAddress.Loopback, 0);
        shown.Start();
        ignored.Start();
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity, "-ignore-ports", $"{PortOf(ignored)}");
        var (status, body) = await _server.CallAsync(HttpMethod.Get, identity, "/listening-ports");
        Assert.Equal(200, status);
        var ports = body!["ports"]!.AsArray().Select(static port => port!["port"]!.GetValue<int>()).ToArray();
        Assert.Contains(PortOf(shown), ports);
        Assert.DoesNotContain(PortOf(ignored), ports);
    }

    [Theory]
    [InlineData("404", 404, "The agent's version does not support this.")]
    [InlineData("403", 403, "Dev Container feature not enabled.")]
    public async Task AnAgentWithoutContainersSaysSo(string age, int expected, string message)
    {
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity, "-containers", age);
        var (status, body) = await _server.CallAsync(HttpMethod.Get, identity, "/containers");
        Assert.Equal((expected, message), (status, body!["message"]!.GetValue<string>()));
    }

    [Theory]
    [InlineData("v2.21", null)]
    [InlineData("v2.22", $"container/{Container}")]
    [InlineData("v2.23", $"container/{Container}")]
    [InlineData("v2.24", Devcontainer)]
    [InlineData("v2.25", Devcontainer)]
    public async Task ContainersOfEachAgeAreListedAndRecreated(string age, string? recreate)
    {
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity, "-containers", age);
        var (status, body) = await _server.CallAsync(HttpMethod.Get, identity, "/containers");
        Assert.Equal(200, status);
        Assert.Equal(Container, body!["containers"]![0]!["id"]!.GetValue<string>());
        if (recreate is not null)
        {
            var answer = await _server.CallAsync(HttpMethod.Post, identity, $"/containers/devcontainers/{recreate}/recreate");
            Assert.Equal(202, answer.Status);
            Assert.Equal("Devcontainer recreation initiated", answer.Body!["message"]!.GetValue<string>());
            await agent.UntilAsync("recreate");
        }
    }

    [Fact]
    public async Task AWatchSendsTheListAtOnceAndAfterEachChange()
    {
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity, "-containers", "v2.25");
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Coder-Session-Token", identity.SessionToken);
        var url = new Uri(_server.Url, $"/api/v2/workspaceagents/{identity.Id}/containers/watch");
        await socket.ConnectAsync(new UriBuilder(url) { Scheme = "ws" }.Uri, CancellationToken.None).WaitAsync(Patience);
        Assert.Equal("running", await StatusAsync(socket));
        await _server.CallAsync(HttpMethod.Post, identity, $"/containers/devcontainers/{Devcontainer}/recreate");
        Assert.Equal("starting", await StatusAsync(socket));
    }

    private static int PortOf(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;

    private static async Task<string> StatusAsync(ClientWebSocket socket)
    {
        var text = new MemoryStream();
        var buffer = new byte[32 << 10];
        WebSocketReceiveResult result;
        do
        {
            result = await socket.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Patience);
            text.Write(buffer, 0, result.Count);
        }
        while (!result.EndOfMessage);
        Assert.Equal(WebSocketMessageType.Text, result.MessageType);
        return JsonNode.Parse(text.ToArray())!["devcontainers"]![0]!["status"]!.GetValue<string>();
    }
}
