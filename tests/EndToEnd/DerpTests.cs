using System.Net;
using System.Net.Sockets;
using System.Text;
using Relay.Derp.Wire;
using Relay.Stun;

namespace EndToEnd;

/// <summary>DERP as its clients speak it, through the public listener: every way to connect, packets, pages, STUN and drain.</summary>
public class DerpTests
{
    private const string Upgrade =
        "GET /derp HTTP/1.1\r\nHost: x\r\nUser-Agent: Go-http-client/1.1\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n";

    [Fact]
    public async Task TwoClientsOfAnUpgradeReachEachOther()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        using var alice = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade);
        using var bob = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade);

        Assert.StartsWith("HTTP/1.1 101 ", alice.Answer, StringComparison.Ordinal);
        Assert.Contains("Upgrade: DERP\r\n", alice.Answer, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Derp-Version: 2\r\n", alice.Answer, StringComparison.OrdinalIgnoreCase);
        Assert.Contains($"Derp-Public-Key: {alice.ServerKey.ToHex()}\r\n", alice.Answer, StringComparison.OrdinalIgnoreCase);
        await alice.SendAsync(bob.Key, "hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), await bob.ExpectAsync(alice.Key));
        await bob.SendAsync(alice.Key, new byte[65_536]);
        Assert.Equal(65_536, (await alice.ExpectAsync(bob.Key)).Length);
    }

    [Theory]
    [InlineData("GET /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")]
    [InlineData("GET /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: derp\r\nIdeal-Node: 1a\r\n\r\n")]
    [InlineData("POST /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n")]
    [InlineData("GET /derp HTTP/1.1\r\nHost: x\r\nUpgrade: DERP\r\n\r\n")]
    [InlineData("GET /derp HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUpgrade: WebSocket\r\n\r\n")]
    [InlineData("GET /derp HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n")]
    [InlineData("GET /derp HTTP/1.0\r\nUpgrade: DERP\r\n\r\n")]
    public async Task OtherSpellingsAreRawDerpToo(string request)
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        using var peer = await DerpPeer.ConnectAsync(edge.PublicUrl, request);

        Assert.Contains("Upgrade: DERP\r\n", peer.Answer, StringComparison.OrdinalIgnoreCase);
        await peer.SendAsync(peer.Key, "to myself"u8.ToArray());
        Assert.Equal("to myself"u8.ToArray(), await peer.ExpectAsync(peer.Key));
    }

    [Theory]
    [InlineData("GET /derp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")]
    [InlineData("GET /derp HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: derp\r\n\r\n")]
    [InlineData("POST /derp HTTP/1.1\r\nHost: x\r\nUpgrade: DERP\r\nContent-Length: 3\r\n\r\nabc")]
    public async Task WhatCannotBecomeDerpIsToldThatItHasTo(string request)
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync(request);

        Assert.StartsWith("HTTP/1.1 426 ", await client.ReceiveUntilAsync("DERP requires connection upgrade\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFastStartGetsNoHttpBytesAndItsFirstFrameIsNotLost()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        using var other = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade);
        using var fast = await DerpPeer.FastStartAsync(edge.PublicUrl, other.ServerKey);

        Assert.Equal("", fast.Answer);
        await fast.SendAsync(other.Key, "quick"u8.ToArray());
        Assert.Equal("quick"u8.ToArray(), await other.ExpectAsync(fast.Key));
    }

    [Fact]
    public async Task AWebSocketWithTheSubprotocolReachesARawClient()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        using var raw = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade);
        using var web = await DerpPeer.ConnectWebSocketAsync(edge.PublicUrl);

        await web.SendAsync(raw.Key, new byte[40_000]);
        Assert.Equal(40_000, (await raw.ExpectAsync(web.Key)).Length);
        await raw.SendAsync(web.Key, "back"u8.ToArray());
        Assert.Equal("back"u8.ToArray(), await web.ExpectAsync(raw.Key));
    }

    [Theory]
    [InlineData("GET", "/derp", 426, "DERP requires connection upgrade\n")]
    [InlineData("GET", "/derp/sdf", 426, "DERP requires connection upgrade\n")]
    [InlineData("GET", "/derp/probe", 200, "")]
    [InlineData("GET", "/derp/latency-check", 200, "")]
    [InlineData("POST", "/derp/probe", 405, "bogus probe method\n")]
    [InlineData("GET", "/robots.txt", 200, "User-agent: *\nDisallow: /\n")]
    [InlineData("GET", "/bootstrap-dns?q=x", 200, "")]
    [InlineData("GET", "/generate_204", 204, "")]
    public async Task ThePagesOfADerpNodeAreThere(string method, string path, int status, string body)
    {
        await using var edge = await TestNode.StartAsync();

        using var answer = await edge.Public.SendAsync(new HttpRequestMessage(new HttpMethod(method), path));

        Assert.Equal((status, body), ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync()));
    }

    [Theory]
    [InlineData("ts_derp99b.tailscale.com", "response ts_derp99b.tailscale.com")]
    [InlineData("with space", null)]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", null)]
    public async Task AChallengeIsAnsweredWhenItIsASaneOne(string challenge, string? expected)
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/generate_204?t=1");
        request.Headers.Add("X-Tailscale-Challenge", challenge);

        using var answer = await edge.Public.SendAsync(request);

        Assert.Equal(expected, answer.Headers.TryGetValues("X-Tailscale-Response", out var values) ? values.Single() : null);
    }

    [Fact]
    public async Task BeforeOtherApiServersDerpGoesOnToThem()
    {
        await using var backend = new RawBackend(static async (socket, head) =>
        {
            await socket.SendAsync(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\nDERP bytes"u8.ToArray());
            await socket.ReceiveAsync(new byte[1]);
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync(Upgrade);

        Assert.EndsWith("\r\n\r\nDERP bytes", await client.ReceiveUntilAsync("DERP bytes"), StringComparison.Ordinal);
        Assert.StartsWith("GET /derp HTTP/1.1\r\n", await backend.HeadAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARelayThatStrangersReachDoesNotStartUntilItIsOpenedKnowingly()
    {
        using var directory = new TemporaryDirectory();
        string[] args =
        [
            "--urls", "http://0.0.0.0:0", "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:Mode=relay", "--Relay:Stun:Enabled=false",
        ];
        await using var refused = await EdgeProcess.StartAsync(directory.Path, args);
        await using var open = await EdgeProcess.StartAsync(directory.Path, [.. args, "--Relay:Derp:Admission=open"]);

        Assert.Equal(1, await refused.ExitAsync());
        Assert.Contains("Relay:Derp:Admission", refused.Output, StringComparison.Ordinal);
        Assert.Contains("public ", open.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheKeyOutlivesARestartAndDerpersFileIsRead()
    {
        using var directory = new TemporaryDirectory();
        const string Vector = "privkey:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e5f";
        await File.WriteAllTextAsync(directory.File("derper.key"), $"{{\n\t\"PrivateKey\": \"{Vector}\"\n}}\n");
        await using var given = await TestNode.StartAsync("Edge:Mode=relay", $"Relay:Derp:KeyFile={directory.File("derper.key")}");
        using (var peer = await DerpPeer.ConnectAsync(given.PublicUrl, Upgrade))
        {
            Assert.Equal("8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f", peer.ServerKey.ToHex());
        }

        var keys = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            await using var made = await TestNode.StartAsync("Edge:Mode=relay", $"Edge:DataDirectory={directory.File("data")}");
            using var peer = await DerpPeer.ConnectAsync(made.PublicUrl, Upgrade);
            keys.Add(peer.ServerKey.ToHex());
        }

        Assert.Equal(keys[0], keys[1]);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(directory.File("data/derp.key")));
    }

    [Fact]
    public async Task OnDrainClientsAreToldAndClosed()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay", "Edge:ShutdownTimeout=5s");
        using var peer = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade);

        var stop = edge.Node.StopAsync();

        Assert.Equal(DerpFrameType.Restarting, (await peer.NextAsync()).Type);
        Assert.Equal(DerpFrameType.None, (await peer.NextAsync()).Type);
        await stop.WaitAsync(TestNode.Patience);
    }

    [Fact]
    public async Task StunTellsAClientItsAddress()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var transaction = Encoding.ASCII.GetBytes("twelve bytes");
        var request = new byte[StunBinding.RequestLength];
        StunBinding.WriteRequest(request, transaction);

        await socket.SendToAsync(request, edge.Node.StunEndPoints.Single());
        var response = new byte[StunBinding.MaxResponseLength];
        var received = await socket.ReceiveAsync(response).WaitAsync(TestNode.Patience);

        Assert.True(StunBinding.TryReadResponse(response.AsSpan(0, received), transaction, out var seen));
        Assert.Equal(socket.LocalEndPoint, seen);
    }

    [Fact]
    public async Task TheMetricsKeepDerpersNames()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        using var peer = await DerpPeer.ConnectAsync(edge.PublicUrl, Upgrade);

        var metrics = await edge.Admin.GetStringAsync("/metrics");

        Assert.Matches("# TYPE derp_accepts counter\nderp_accepts [1-9]", metrics);
        Assert.Contains("derp_current_connections", metrics, StringComparison.Ordinal);
    }
}
