using System.Net;
using System.Net.Sockets;
using System.Text;
using ControlPlane.Coordination;
using Microsoft.Extensions.DependencyInjection;
using Tailnet.Messages;
using Tailnet.Services;

namespace ControlPlane.Tests;

public sealed class DerpMapSourceTests
{
    private const string Region5 = """
        {"homeparams":{"RegionScore":{"5":0.5}},"omitDefaultRegions":true,"Regions":{"6":null,
        "5":{"EmbeddedRelay":false,"RegionID":5,"RegionCode":"c","RegionName":"n","Avoid":true,"Latitude":1.5,
        "Nodes":[{"Name":"5a","RegionID":5,"HostName":"h","CertName":"c","IPv4":"192.0.2.1","IPv6":"::1","STUNPort":3478,
        "STUNOnly":false,"DERPPort":1,"InsecureForTests":true,"ForceHTTP":true,"STUNTestIP":"t","CanPort80":true}]}}}
        """;

    private const string Region5Written =
        """{"HomeParams":{"RegionScore":{"5":0.5}},"Regions":"""
            + """{"5":{"EmbeddedRelay":false,"RegionID":5,"RegionCode":"c","RegionName":"n","Avoid":true,"Nodes":["""
            + """{"Name":"5a","RegionID":5,"HostName":"h","CertName":"c","IPv4":"192.0.2.1","IPv6":"::1","STUNPort":"""
            + """3478,"DERPPort":1,"InsecureForTests":true,"ForceHTTP":true,"STUNTestIP":"t","CanPort80":true}]}}}""";

    public static TheoryData<string> Faulty => new(
        "",
        "[]",
        "7",
        "{}",
        """{"Regions":[]}""",
        """{"Regions":{"x":{}}}""",
        """{"Regions":{"0":{}}}""",
        """{"Regions":{"-1":{}}}""",
        """{"Regions":{"99999999999":{}}}""",
        """{"Regions":{"1":7}}""",
        """{"Regions":{"1":{"RegionID":2}}}""",
        """{"Regions":{"1":{"Nodes":{}}}}""",
        """{"Regions":{"1":{"Nodes":[7]}}}""",
        """{"Regions":{"1":{"Nodes":[{"HostName":"h"}]}}}""",
        """{"Regions":{"1":{"Nodes":[{"Name":"a"}]}}}""",
        """{"Regions":{"1":{"Nodes":[{"Name":"a","HostName":"h","DERPPort":70000}]}}}""",
        """{"Regions":{"1":{"Nodes":[{"Name":"a","HostName":"h","STUNPort":-2}]}}}""",
        """{"Regions":{"1":{"Nodes":[{"Name":"a","HostName":"h","STUNOnly":1}]}}}""",
        """{"Regions":{"1":{"Nodes":[{"Name":"a","HostName":"\ud800"}]}}}""",
        """{"Regions":{"1":{"\ud800":1}}}""",
        """{"Regions":{},"HomeParams":{"RegionScore":{"1":"x"}}}""",
        "{\"Regions\":" + new string('[', 1000),
        "{\"Regions\":{\"1\":{\"RegionName\":\"" + new string('x', 2000) + "\"}}}");

    [Theory]
    [MemberData(nameof(Faulty))]
    public void AFaultyMapIsRefusedWithAReason(string json)
    {
        Assert.Null(DerpMapReader.Read(Encoding.UTF8.GetBytes(json), out var fault));
        Assert.False(string.IsNullOrEmpty(fault));
    }

    [Fact]
    public void AMapCutAnywhereIsRefused()
    {
        var json = Encoding.UTF8.GetBytes(Region5.Trim());
        for (var length = 0; length < json.Length; length++)
        {
            Assert.Null(DerpMapReader.Read(json.AsMemory(0, length), out _));
        }

        var map = DerpMapReader.Read(json, out var fault);
        Assert.Null(fault);
        Assert.Equal(Region5Written + "\n", Encoding.UTF8.GetString(DerpMapJson.Write(map!).Span));
    }

    [Fact]
    public async Task EverythingThatIsConfiguredIsInTheMapOfTheConnection()
    {
        var file = await WriteAsync(Region5);
        await using var server = await ApiServer.StartAsync(directory => new ControlPlaneOptions
        {
            DataDirectory = directory,
            PublicUrl = new Uri("https://coder.example"),
            DerpMap = new DerpMapOptions
            {
                EmbeddedStunPort = 3479,
                Files = [file],
                StunServers = [new DnsEndPoint("stun.example", 19302)],
                Regions = [new DerpRegionOptions
                {
                    Id = 7,
                    Code = "x",
                    Name = "X",
                    Nodes = [new DerpNodeOptions { Name = "7a", HostName = "relay.example", StunPort = -1 }],
                }],
            },
        });
        var answer = await server.GetAsUserAsync(server.AgentPath + "/connection");
        Assert.Equal(200, answer.Status);
        Assert.Equal(
            ["derp_map", "derp_force_websockets", "disable_direct_connections", "hostname_suffix"],
            answer.Json.EnumerateObject().Select(static property => property.Name));
        Assert.Equal("coder", answer.Text("hostname_suffix"));
        var regions = answer.Json.GetProperty("derp_map").GetProperty("Regions");
        Assert.Equal(["5", "7", "999", "1000"], regions.EnumerateObject().Select(static region => region.Name));
        Assert.Equal(
            """{"EmbeddedRelay":true,"RegionID":999,"RegionCode":"embedded","RegionName":"Embedded Relay","Nodes":["""
                + """{"Name":"999b","RegionID":999,"HostName":"coder.example","STUNPort":3479,"DERPPort":443}]}""",
            regions.GetProperty("999").GetRawText());
        Assert.Equal(
            """{"EmbeddedRelay":false,"RegionID":1000,"RegionCode":"stun_1000","RegionName":"STUN 1000","Nodes":["""
                + """{"Name":"1000stun0","RegionID":1000,"HostName":"stun.example","STUNPort":19302,"STUNOnly":true}]}""",
            regions.GetProperty("1000").GetRawText());
        Assert.Equal(answer.Body, (await server.GetAsUserAsync("/api/v2/workspaceagents/connection")).Body);
        File.Delete(file);
    }

    [Fact]
    public async Task ConnectionsAreForUsersAlone()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, HostnameSuffix = "" });
        foreach (var path in new[] { server.AgentPath + "/connection", "/api/v2/workspaceagents/connection" })
        {
            Assert.Equal(401, (await server.GetAsync(path)).Status);
            Assert.Equal(401, (await server.GetAsync(path, server.Agent.AuthToken)).Status);
            Assert.Equal(405, (await server.SendAsync(HttpMethod.Post, path, server.Credentials!.SessionToken)).Status);
            Assert.Equal(
                "{\"derp_map\":{\"Regions\":{}},\"derp_force_websockets\":false,\"disable_direct_connections\":false}\n",
                (await server.GetAsUserAsync(path)).Body);
        }

        Assert.Equal(404, (await server.GetAsUserAsync($"/api/v2/workspaceagents/{Guid.NewGuid()}/connection")).Status);
    }

    [Fact]
    public async Task BlockedDirectConnectionsTakeAllStunOut()
    {
        await using var server = await ApiServer.StartAsync(static directory => new ControlPlaneOptions
        {
            DataDirectory = directory,
            PublicUrl = new Uri("https://coder.example"),
            DerpMap =
                new DerpMapOptions { BlockDirect = true, EmbeddedStunPort = 3478, StunServers = [new DnsEndPoint("stun.example", 1)] },
        });
        var region = Assert.Single(Current(server).Regions);
        Assert.Equal((999L, -1), (region.Key, region.Value.Nodes[0].StunPort));
    }

    [Fact]
    public async Task WhatDoesNotFitTogetherStopsTheStart()
    {
        var file = await WriteAsync(Region5);
        foreach (var (derp, says) in new[]
        {
            (new DerpMapOptions { Files = [file, file + "x"] }, "cannot be read"),
            (
                new DerpMapOptions { EmbeddedRegionId = 5, Files = [file] },
                "the region 5 comes from the embedded relay and again from the file"),
            (new DerpMapOptions { HasEmbeddedRelay = false, StunServers = [new DnsEndPoint("a", 1)] }, "no region has a relay"),
            (new DerpMapOptions { Urls = [new Uri("http://127.0.0.1:1/x?secret")] }, "http://127.0.0.1:1/x cannot be read"),
            (new DerpMapOptions { Files = [file], MaxSourceBytes = 10 }, "longer than 10 bytes"),
        })
        {
            await using var server = await ApiServer.StartAsync(
                directory => new ControlPlaneOptions { DataDirectory = directory, PublicUrl = new Uri("https://a"), DerpMap = derp },
                initialise: false);
            var error = await Assert.ThrowsAsync<ControlPlaneException>(() => ApiServer.InitializeAsync(server.Services));
            Assert.Contains(says, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
        }

        File.Delete(file);
    }

    [Fact]
    public async Task AChangedSourceIsPushedAndAFaultyOneKeepsItsLast()
    {
        var time = new ManualTimeProvider();
        var body = Region5;
        var status = 200;
        await using var web = new RawBackend(async (socket, _) =>
        {
            var answer = $"HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}";
            await socket.SendAsync(Encoding.UTF8.GetBytes(answer));
            socket.Shutdown(SocketShutdown.Send);
        });
        await using var server = await ApiServer.StartAsync(
            directory => new ControlPlaneOptions
            {
                DataDirectory = directory,
                DerpMap = new DerpMapOptions { Urls = [new Uri(web.Url + "/map.json")] },
            }, time);
        using var socket = await TailnetLink.DialAsync(server, "/api/v2/derp-map", server.Agent.AuthToken);
        Assert.Contains("\"5\":", await ReceiveAsync(socket), StringComparison.Ordinal);

        // A faulty answer changes nothing; the next valid one does.
        var sources = server.Services.GetRequiredService<DerpMapSources>();
        foreach (var (nextStatus, nextBody) in new[]
        {
            (500, "x"), (200, "{"), (200, """{"Regions":{"5":{"Nodes":[{"Name":"a","HostName":"h","STUNOnly":true}]}}}"""),
        })
        {
            (status, body) = (nextStatus, nextBody);
            await sources.RefreshAsync(TestContext.Current.CancellationToken);
            Assert.Equal([5L], Current(server).Regions.Keys);
        }

        body = Region5.Replace("\"h\"", "\"moved\"", StringComparison.Ordinal);
        await Eventually.TrueAsync(() => time.IsDueIn(TimeSpan.FromMinutes(5)), "the next reading is planned");
        time.Advance(TimeSpan.FromMinutes(5));
        Assert.Contains("\"HostName\":\"moved\"", await ReceiveAsync(socket), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAgentsLatenciesShowWhileItIsConnected()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, PublicUrl = new Uri("https://coder.example") });
        Assert.Equal("{}", await LatencyAsync(server));
        await using (var agent = await TailnetLink.RpcAsync(server))
        {
            await using var call = await agent.CoordinateAsync();
            await call.SendAsync(new CoordinateRequest
            {
                UpdateSelf = new()
                {
                    Node = new Node
                    {
                        Id = 1,
                        PreferredDerp = 999,
                        DerpLatency = { ["999-v4"] = 0.25, ["999-v6"] = 0.5, ["3-v4"] = 1, ["x"] = 1, ["-v4"] = 1, ["4-v4"] = double.NaN },
                    },
                },
            });
            await Eventually.TrueAsync(
                async () => await LatencyAsync(server)
                    == """{"Embedded Relay":{"preferred":true,"latency_ms":250},"Unnamed 3":{"preferred":false,"latency_ms":1000}}""",
                "the latencies are shown");
        }

        await Eventually.TrueAsync(async () => await LatencyAsync(server) == "{}", "the latencies are gone");
    }

    private static async Task<string> LatencyAsync(ApiServer server) =>
        (await server.GetAsUserAsync(server.AgentPath)).Json.GetProperty("latency").GetRawText();

    private static DERPMap Current(ApiServer server) => server.Services.GetRequiredService<DerpMapPublisher>().Current;

    private static async Task<string> WriteAsync(string text)
    {
        var path = Path.GetTempFileName();
        await File.WriteAllTextAsync(path, text, TestContext.Current.CancellationToken);
        return path;
    }

    private static async Task<string> ReceiveAsync(System.Net.WebSockets.WebSocket socket)
    {
        var buffer = new byte[8192];
        var result = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken).WaitAsync(ApiServer.Patience);
        return Encoding.UTF8.GetString(buffer, 0, result.Count);
    }
}
