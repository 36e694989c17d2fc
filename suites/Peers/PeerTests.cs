using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Peers;

/// <summary>The peer by itself: an agent and a client of the same program, over the relay and the coordinator of a node.</summary>
public sealed class PeerTests(SharedServer shared)
{
    private const int TerminalPort = 2;
    private const int SpeedtestPort = 3;
    private const int HttpPort = 4;

    private readonly EdgeServer _server = shared.Server;

    [Fact]
    public async Task AnAgentServesATerminalSpeedtestHttpAndThePortsOfItsMachine()
    {
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity);
        Assert.Equal("ready", (await _server.CallAsync(HttpMethod.Get, identity, "")).Body!["lifecycle_state"]!.GetValue<string>());
        await using var client = await PeerProcess.StartClientAsync(_server, identity);

        await TerminalWorksAsync(await client.ListenAsync(TerminalPort));
        await SpeedtestWorksAsync(await client.ListenAsync(SpeedtestPort), direction: 0);
        await SpeedtestWorksAsync(await client.ListenAsync(SpeedtestPort), direction: 1);
        await HttpWorksAsync(await client.ListenAsync(HttpPort));
        await ForwardWorksAsync(client);
        await client.TellAsync("ping 77");
        await client.UntilAsync("pong 77");
    }

    [Fact]
    public async Task AnAgentThatStartsAgainHasAnotherKeyAndIsReachedAgain()
    {
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity);
        await using var client = await PeerProcess.StartClientAsync(_server, identity);
        await client.TellAsync("ping 1");
        await client.UntilAsync("pong 1");
        await agent.TellAsync("restart");
        var key = (await agent.UntilAsync("started ")).Split(' ')[2];
        Assert.Equal(key, (await client.UntilAsync("node ")).Split(' ')[2]);
        await client.TellAsync("ping 2");
        await client.UntilAsync("pong 2");
    }

    [Fact]
    public async Task WhatATestDoesToTheLinkAndToHandshakesIsSurvived()
    {
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(
            _server, identity, "-drop-initiations", "1", "-loss", "1", "-jump", "300ms", "-jump-every", "1s");
        await using var client = await PeerProcess.StartClientAsync(_server, identity);
        using var terminal = await TailnetTerminal.OpenAsync(await client.ListenAsync(TerminalPort), Guid.NewGuid());
        await terminal.UntilAsync(Shell.Prompt);
        await Shell.AssertFloodAsync(terminal, 100_000);
        Assert.Contains("initiation dropped", agent.Lines);
    }

    [Fact]
    public async Task ASourceThatIsNotItsOwnIsDroppedByTheOtherSide()
    {
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity, "-handshake");
        await using var client = await PeerProcess.StartClientAsync(_server, identity);
        await agent.UntilAsync("node ");
        await agent.TellAsync("ping 1 fd7a:115c:a1e0::1");
        await agent.TellAsync("ping 2");
        await agent.UntilAsync("pong 2");
        Assert.Contains($"pinged 2 from {agent.Address}", client.Lines);
        Assert.DoesNotContain(client.Lines, static line => line.StartsWith("pinged 1 ", StringComparison.Ordinal));
        await agent.TellAsync("dial 9");
        Assert.Contains("refused", await agent.UntilAsync("dial failed"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheDataPlaneOutlivesACoordinationThatIsCut()
    {
        var identity = await _server.CreateAgentAsync();
        await using var agent = await PeerProcess.StartAgentAsync(_server, identity, "-addresses", "legacy");
        await using var client = await PeerProcess.StartClientAsync(_server, identity);
        await client.TellAsync("ping 1");
        await client.UntilAsync("pong 1");
        await agent.TellAsync("uncoordinate 1");
        await agent.UntilAsync("coordination cut");
        await client.TellAsync("ping 2");
        await client.UntilAsync("pong 2");
        await agent.UntilAsync("coordinated");
    }

    private static async Task TerminalWorksAsync(int port)
    {
        var id = Guid.NewGuid();
        using var one = await TailnetTerminal.OpenAsync(port, id);
        await one.UntilAsync(Shell.Prompt);
        await one.TypeAsync("echo hé\r");
        await one.UntilAsync("echo hé\r\nhé\r\n");
        await one.TypeAsync("size\r");
        await one.UntilAsync("24x80\r\n");
        await one.ResizeAsync(33, 44);
        await one.TypeAsync("size\r");
        await one.UntilAsync("33x44\r\n");
        await Shell.AssertFloodAsync(one, 1 << 20);
        await Shell.AssertPasteAsync(one, string.Concat(Enumerable.Repeat("a1é日", 10_000)));

        using var two = await TailnetTerminal.OpenAsync(port, id);
        await two.TypeAsync("echo both\r");
        await Task.WhenAll(two.UntilAsync("\nboth\r\n"), one.UntilAsync("\nboth\r\n"));
        await one.TypeAsync("exit\r");
        await Task.WhenAll(two.ToEndAsync(), one.ToEndAsync());
    }

    private static async Task SpeedtestWorksAsync(int port, int direction)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, port);
        var stream = tcp.GetStream();
        await stream.WriteAsync(Encoding.UTF8.GetBytes($"{{\"version\":2,\"time\":300000000,\"direction\":{direction}}}\n"));
        var buffer = new byte[64 << 10];
        var answer = new byte[3];
        await stream.ReadExactlyAsync(answer);
        Assert.Equal("{}\n"u8.ToArray(), answer);
        var received = 0L;
        for (var i = 0; direction == 1 && i < 32; i++)
        {
            await stream.WriteAsync(buffer);
        }

        if (direction == 1)
        {
            tcp.Client.Shutdown(SocketShutdown.Send);
        }

        int count;
        while ((count = await stream.ReadAsync(buffer)) > 0)
        {
            received += count;
        }

        Assert.True(direction == 1 ? received == 0 : received >= 1 << 16, $"{received} bytes");
    }

    private static async Task HttpWorksAsync(int port)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        Assert.Equal("Hello from the agent!", (await http.GetFromJsonAsync<JsonNode>("/"))!["message"]!.GetValue<string>());
        var ports = await http.GetFromJsonAsync<JsonNode>("/api/v0/listening-ports");
        Assert.Contains(ports!["ports"]!.AsArray(), found => found!["port"]!.GetValue<int>() == port);
        var containers = await http.GetFromJsonAsync<JsonNode>("/api/v0/containers");
        Assert.Equal("dev", containers!["containers"]![0]!["name"]!.GetValue<string>());
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(new Uri("/api/v0/unknown", UriKind.Relative))).StatusCode);
    }

    private static async Task ForwardWorksAsync(PeerProcess client)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var target = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var near = new TcpClient();
        await near.ConnectAsync(IPAddress.Loopback, await client.ListenAsync(target));
        var stream = near.GetStream();
        using var far = await listener.AcceptTcpClientAsync();
        await stream.WriteAsync("there"u8.ToArray());
        near.Client.Shutdown(SocketShutdown.Send);
        using var reader = new StreamReader(far.GetStream());
        Assert.Equal("there", await reader.ReadToEndAsync());
        await far.GetStream().WriteAsync("and back"u8.ToArray());
        far.Close();
        using var back = new StreamReader(stream);
        Assert.Equal("and back", await back.ReadToEndAsync());

        // Nobody listens any more: the agent refuses, and the client's connection is reset, perhaps before the test sees it open.
        listener.Stop();
        using var refused = new Socket(SocketType.Stream, ProtocolType.Tcp);
        var port = await client.ListenAsync(target);
        var reset = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            await refused.ConnectAsync(IPAddress.Loopback, port);
            await refused.ReceiveAsync(new byte[1]);
        });
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
    }
}
