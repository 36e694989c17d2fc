using System.Net;
using System.Net.Http.Json;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Edge.Derp;

namespace EndToEnd;

/// <summary>The API server as a node of the tailnet: how it reaches an agent through relays.</summary>
public sealed class TailnetTests
{
    private static readonly string[] Api = ["Edge:Mode=api", "Relay:Stun:Enabled=false"];

    [Fact]
    public async Task AnAgentIsReachedThroughTheRelayOfTheSameProcess()
    {
        await using var node = await TestNode.StartAsync("Edge:PublicUrl=http://edge.example.com");
        Assert.Equal(0, (await StatusAsync(node))["home_region"]!.GetValue<int>());
        Assert.Equal(0, node.Node.Relay!.Connections);
        await using var agent = await TailnetAgent.StartAsync(node, TargetOf(node), 999);

        var ping = await PingAsync(node);

        Assert.Equal(999, ping["home_region"]!.GetValue<int>());
        Assert.True(ping["latency_ms"]!.GetValue<double>() > 0);
        await Eventually.TrueAsync(() => agent.HomeOfServer == 999, "the agent knows the server's home");
        var status = await StatusAsync(node);
        Assert.Equal(999, status["home_region"]!.GetValue<int>());
        var path = Assert.Single(status["agents"]!.AsArray())!;
        Assert.Equal(
            (Bootstrapped.AgentId(node.Node.Data.BootstrapFile).ToString(), "up"),
            (path["id"]!.GetValue<string>(), path["state"]!.GetValue<string>()));

        // The node is a client of the relay, beside the agent.
        Assert.Equal(2, node.Node.Relay!.Clients().Count);
    }

    [Fact]
    public async Task ARelayThatAdmitsClientsByAFileCarriesItsOwnNode()
    {
        using var directory = new TemporaryDirectory();
        await File.WriteAllTextAsync(directory.File("keys"), "");
        await using var node = await TestNode.StartAsync(
            "Relay:Derp:Admission=file",
            $"Relay:Derp:AllowedKeysFile={directory.File("keys")}",
            "Edge:PublicUrl=http://edge.example.com");
        var file = node.Node.Data.BootstrapFile;
        await using var agent = await CoordinationLink.ConnectAsync(
            node, "/api/v2/workspaceagents/me/rpc?version=2.10&role=agent", Bootstrapped.AgentToken(file));
        await ConnectedAsync(node);

        // No agent is reached, but the first dial connects the node to its relay.
        using var cancel = new CancellationTokenSource();
        var ping = GetAsync(node, "/ping", cancel.Token);
        await Eventually.TrueAsync(
            () => node.Node.Relay!.Clients().Select(static client => client.IsInProcess).SequenceEqual([true]), "the relay has its node");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ping);
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    [InlineData(2, 2)]
    public async Task AnAgentIsReachedThroughRelaysOfOtherProcesses(int home, int homeOfAgent)
    {
        using var directory = new TemporaryDirectory();
        using var certificate = TestCertificate.Create("derp.example.com");
        await File.WriteAllTextAsync(directory.File("tls.pem"), certificate.Pem);
        await File.WriteAllTextAsync(directory.File("tls.key"), certificate.KeyPem);
        await using var plain = await TestNode.StartAsync("Edge:Mode=relay");
        await using var secure = await TestNode.StartAsync([
            "Edge:Mode=relay",
            "Kestrel:Endpoints:Tls:Url=https://127.0.0.1:0",
            $"Kestrel:Endpoints:Tls:Certificate:Path={directory.File("tls.pem")}",
            $"Kestrel:Endpoints:Tls:Certificate:KeyPath={directory.File("tls.key")}",
            "Relay:Derp:Admission=jwt",
            .. TestTokens.Settings(directory)]);
        var token = TestTokens.Create();
        await using var api = await TestNode.StartAsync([
            .. Api,
            .. Region(1, plain.PublicUrl.Port),
            "ControlPlane:DerpMap:Regions:2:Id=2",
            "ControlPlane:DerpMap:Regions:2:Nodes:0:HostName=relay.invalid",
            "ControlPlane:DerpMap:Regions:2:Nodes:0:IPv4=127.0.0.1",
            $"ControlPlane:DerpMap:Regions:2:Nodes:0:CertName=sha256-raw:{Convert.ToHexStringLower(SHA256.HashData(certificate.Der))}",
            $"ControlPlane:DerpMap:Regions:2:Nodes:0:DerpPort={secure.PublicUrl.Port}",
            $"Edge:TailnetNode:Relays:2:Token={token}",
            $"Edge:TailnetNode:Home={home}"]);
        var target = homeOfAgent == 1 ? TargetOf(plain) : TargetOf(secure) with { Token = token };
        await using var agent = await TailnetAgent.StartAsync(api, target, homeOfAgent);

        var ping = await PingAsync(api);

        Assert.Equal(homeOfAgent, ping["home_region"]!.GetValue<int>());
        await Eventually.TrueAsync(() => agent.HomeOfServer == home, "the agent knows the server's home");
        var status = await StatusAsync(api);
        Assert.Equal(
            new[] { home, homeOfAgent }.Distinct().Order(),
            status["connected_regions"]!.AsArray().Select(static region => region!.GetValue<int>()).Order());
        Assert.DoesNotContain(api.Log.Lines, line => line.Contains(token, StringComparison.Ordinal));
    }

    [Fact]
    public async Task WithoutASettingTheHomeIsARegionThatAnswers()
    {
        await using var relay = await TestNode.StartAsync("Edge:Mode=relay");
        await using var api = await TestNode.StartAsync([.. Api, .. Region(1, Ports.Free()), .. Region(2, relay.PublicUrl.Port)]);
        await using var agent = await TailnetAgent.StartAsync(api, TargetOf(relay), 2);

        await PingAsync(api);

        Assert.Equal(2, agent.HomeOfServer);
    }

    [Fact]
    public async Task AHomeThatIsAwayGivesWayAndReturns()
    {
        var time = new ManualTimeProvider();
        var relay = await TestNode.StartAsync("Edge:Mode=relay");
        var port = relay.PublicUrl.Port;
        await using var other = await TestNode.StartAsync("Edge:Mode=relay");
        await using var api = await TestNode.StartAsync(
            time,
            waitUntilReady: true,
            [.. Api, .. Region(1, port), .. Region(2, other.PublicUrl.Port), "Edge:TailnetNode:Home=1"]);
        await using var agent = await TailnetAgent.StartAsync(api, TargetOf(other), 2);
        await time.AdvanceUntilAsync(PingAsync(api));
        await AdvanceUntilAsync(time, () => agent.HomeOfServer == 1, "the home is that of the settings");

        await relay.DisposeAsync();
        await AdvanceUntilAsync(time, () => agent.HomeOfServer == 2, "the home is the other region");
        await time.AdvanceUntilAsync(PingAsync(api));
        var end = time.GetUtcNow() + TimeSpan.FromSeconds(20);
        await AdvanceUntilAsync(time, () => time.GetUtcNow() > end, "some attempts at the lost relay have failed");

        await using var again = await TestNode.StartAsync("Edge:Mode=relay", $"urls=http://127.0.0.1:{port}");
        await AdvanceUntilAsync(time, () => agent.HomeOfServer == 1, "the home is back");
        Assert.Equal([1, 2, 1], agent.HomesOfServer);
    }

    [Fact]
    public async Task ARelayBehindAProxyWithoutUpgradesToDerpIsReachedByWebSocket()
    {
        await using var relay = await TestNode.StartAsync("Edge:Mode=relay");
        var refused = 0;
        await using var proxy = new RawBackend(async (socket, head) =>
        {
            if (!head.Contains("Upgrade: websocket", StringComparison.OrdinalIgnoreCase))
            {
                Interlocked.Increment(ref refused);
                await socket.SendAsync("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray());
                return;
            }

            using var target = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await target.ConnectAsync(IPAddress.Loopback, relay.PublicUrl.Port);
            await target.SendAsync(Encoding.ASCII.GetBytes(head));
            await using var client = new NetworkStream(socket);
            await using var server = new NetworkStream(target);
            await Task.WhenAny(client.CopyToAsync(server), server.CopyToAsync(client));
        });
        await using var api = await TestNode.StartAsync([.. Api, .. Region(1, new Uri(proxy.Url).Port)]);
        await using var agent = await TailnetAgent.StartAsync(api, TargetOf(relay), 1);

        await PingAsync(api);

        Assert.True(refused > 0);
        Assert.Equal(2, relay.Node.Relay!.Clients().Count);
    }

    [Fact]
    public async Task WithoutANodeAnAgentElsewhereCannotBeReached()
    {
        await using var node = await TestNode.StartAsync("Edge:TailnetNode:Enabled=false");
        await using var agent = await TailnetAgent.StartAsync(node, TargetOf(node), 999);
        await ConnectedAsync(node);

        var (status, body) = await GetAsync(node, "/ping");

        Assert.Equal(HttpStatusCode.BadGateway, status);
        Assert.Equal("This server has no way to the agent.", body["detail"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("Edge:TailnetNode:Enabled", "maybe", "true")]
    [InlineData("Edge:TailnetNode:Home", "-1", "whole number")]
    [InlineData("Edge:TailnetNode:MaxAgents", "0", "whole number")]
    [InlineData("Edge:TailnetNode:QuietAfter", "0s", "duration")]
    [InlineData("Edge:TailnetNode:Relays:x:Token", "secret", "id of a DERP region")]
    public async Task AWrongSettingStopsTheStart(string name, string value, string allowed)
    {
        var error = await Assert.ThrowsAsync<Edge.Settings.SettingsException>(() => TestNode.StartAsync($"{name}={value}"));

        Assert.Contains(allowed, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    private static string[] Region(int id, int port)
    {
        var setting = $"ControlPlane:DerpMap:Regions:{id}";
        return
        [
            $"{setting}:Id={id}",
            $"{setting}:Nodes:0:HostName=127.0.0.1",
            $"{setting}:Nodes:0:ForceHttp=true",
            $"{setting}:Nodes:0:DerpPort={port}",
        ];
    }

    private static Task AdvanceUntilAsync(ManualTimeProvider time, Func<bool> condition, string what) => Eventually.TrueAsync(
        () =>
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
            return condition();
        },
        what);

    private static DerpTarget TargetOf(TestNode relay) => new(
        relay.PublicUrl.Host,
        relay.PublicUrl.Port,
        relay.PublicUrl.Authority,
        relay.PublicUrl.Scheme == Uri.UriSchemeHttps
            ? new SslClientAuthenticationOptions
            {
                TargetHost = "derp.example.com",
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
            }
            : null);

    private static async Task<JsonNode> PingAsync(TestNode node)
    {
        await ConnectedAsync(node);
        var (status, body) = await GetAsync(node, "/ping");
        Assert.True(status == HttpStatusCode.OK, body.ToJsonString());
        return body;
    }

    private static Task ConnectedAsync(TestNode node) => Eventually.TrueAsync(
        async () => (await GetAsync(node, "")).Body["status"]!.GetValue<string>() == "connected"
            && (await GetAsync(node, "")).Body["last_connected_at"] is not null,
        "the agent is connected");

    private static async Task<(HttpStatusCode Status, JsonNode Body)> GetAsync(
        TestNode node, string route, CancellationToken cancellation = default)
    {
        var file = node.Node.Data.BootstrapFile;
        using var request = new HttpRequestMessage(
            HttpMethod.Get, $"/api/v2/workspaceagents/{Bootstrapped.AgentId(file)}{route}");
        request.Headers.Add("Coder-Session-Token", Bootstrapped.SessionToken(file));
        using var answer = await node.Public.SendAsync(request, cancellation).WaitAsync(TestNode.Patience, cancellation);
        return (answer.StatusCode, (await answer.Content.ReadFromJsonAsync<JsonNode>(cancellation))!);
    }

    private static async Task<JsonNode> StatusAsync(TestNode node)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/status");
        request.Headers.Authorization = new("Bearer", Bootstrapped.AdminToken(node.Node.Data.BootstrapFile));
        using var answer = await node.Admin.SendAsync(request).WaitAsync(TestNode.Patience);
        return (await answer.Content.ReadFromJsonAsync<JsonNode>())!["tailnet"]!;
    }
}
