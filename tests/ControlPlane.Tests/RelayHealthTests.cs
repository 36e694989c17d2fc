using System.Net;
using System.Net.WebSockets;
using System.Text.Json;
using ControlPlane.Coordination;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Tailnet.Messages;
using Tailnet.Services;
using Node = Tailnet.Messages.DERPMap.Types.Region.Types.Node;

namespace ControlPlane.Tests;

/// <summary>Relays of ours that are down leave the DERP map, and come back.</summary>
public sealed class RelayHealthTests
{
    [Fact]
    public void ARelayLeavesAfter30SOfFailuresAndReturnsAfter30SOfSuccess()
    {
        var health = new RelayHealth(TimeSpan.FromSeconds(30));
        Assert.False(Report(false, 0));
        Assert.False(Report(false, 29));
        Assert.False(Report(true, 30));
        Assert.False(Report(false, 31));
        Assert.False(Report(false, 60));
        Assert.True(Report(false, 61));
        Assert.False(health.IsHealthy);
        Assert.False(Report(false, 100));
        Assert.False(Report(true, 101));
        Assert.False(Report(true, 130));
        Assert.False(Report(false, 131));
        Assert.False(Report(true, 132));
        Assert.False(Report(true, 161));
        Assert.True(Report(true, 162));
        Assert.True(health.IsHealthy);

        bool Report(bool succeeded, int second) => health.Report(succeeded, TimeSpan.FromSeconds(second));
    }

    [Fact]
    public void OnlyTheRelayThatIsOutGoesAndItsRegionWithIt()
    {
        var map = MapOf(RegionOf(1, "a", "b"), RegionOf(2, "c"), StunOnly(3));
        var before = map.Clone();

        var left = RelayFilter.Without(map, static node => node.Name is "a" or "c" or "stun");
        Assert.Equal([1L, 3L], left.Regions.Keys.Order());
        Assert.Equal("b", Assert.Single(left.Regions[1].Nodes).Name);
        Assert.Equal(before, map);
    }

    [Fact]
    public void WhenNoRelayWouldBeLeftTheMapStays()
    {
        var map = MapOf(RegionOf(1, "a"), RegionOf(2, "b"), StunOnly(3));
        Assert.Same(map, RelayFilter.Without(map, static _ => true));
    }

    [Fact]
    public void OnlyOursAreProbedAndOnlyWhenOneCouldLeave()
    {
        var publisher = new DerpMapPublisher(MapOf(Embedded(RegionOf(999, "own"))));
        var maps = new RelayMaps(publisher, new ControlPlaneOptions
        {
            DataDirectory = "",
            DerpMap = new() { Regions = [new() { Id = 5, Code = "5", Name = "5", Probe = true, Nodes = [] }] },
        });
        Assert.Empty(maps.ToProbe());
        maps.Replace(MapOf(Embedded(RegionOf(999, "own")), RegionOf(5, "flagged"), RegionOf(6, "foreign"), StunOnly(7)));
        Assert.Equal(["flagged", "own"], maps.ToProbe().Select(static node => node.Name).Order());
    }

    [Fact]
    public void WhatIsKnownOfARelayOutlivesAChangeOfTheMapButNotItsOwn()
    {
        var map = MapOf(Embedded(RegionOf(999, "own")), RegionOf(6, "foreign"));
        var publisher = new DerpMapPublisher(map);
        var maps = new RelayMaps(publisher, new ControlPlaneOptions { DataDirectory = "" });
        var own = Assert.Single(maps.ToProbe());
        Assert.False(maps.Report(own, false, TimeSpan.Zero));
        Assert.True(maps.Report(own, false, TimeSpan.FromSeconds(30)));
        Assert.Equal([6L], publisher.Current.Regions.Keys);

        maps.Replace(MapOf(Embedded(RegionOf(999, "own")), RegionOf(6, "foreign"), RegionOf(8, "new")));
        Assert.Equal([6L, 8L], publisher.Current.Regions.Keys.Order());
        maps.Replace(MapOf(Embedded(RegionOf(999, "moved")), RegionOf(6, "foreign")));
        Assert.Equal([6L, 999L], publisher.Current.Regions.Keys.Order());
        Assert.False(maps.Report(own, false, TimeSpan.FromSeconds(90)));
    }

    [Theory]
    [InlineData(false, 0, "https://r.example/derp/probe")]
    [InlineData(false, 8443, "https://r.example:8443/derp/probe")]
    [InlineData(true, 0, "http://r.example/derp/probe")]
    [InlineData(true, 8080, "http://r.example:8080/derp/probe")]
    public void ARelayIsProbedWhereClientsFindIt(bool http, int port, string expected) => Assert.Equal(
        expected, RelayProbe.AddressOf(new Node { HostName = "r.example", ForceHttp = http, DerpPort = port }).ToString());

    [Fact]
    public async Task ARelayThatIsDownLeavesEveryOpenStreamsMapAndComesBack()
    {
        await using var relay = await TestRelay.StartAsync();
        var clock = new ManualTimeProvider();
        var map = MapOf(Embedded(RegionOf(999, "own")), RegionOf(6, "foreign"));
        var node = map.Regions[999].Nodes[0];
        (node.HostName, node.Ipv4, node.DerpPort, node.ForceHttp) = ("relay.invalid", "127.0.0.1", relay.Port, true);

        // The clock goes on while an answer is on its way: it must not be late for that.
        await using var server = await ApiServer.StartAsync(
            directory => new ControlPlaneOptions { DataDirectory = directory, RelayProbeTimeout = TimeSpan.FromDays(1) }, clock);
        server.Services.GetRequiredService<RelayMaps>().Replace(map);
        using var maps = await TailnetLink.DialAsync(server, "/api/v2/derp-map", server.Agent.AuthToken);
        Assert.Equal(["6", "999"], await RegionsAsync(maps));

        relay.Answer = 503;
        await ProbeAsync(clock, relay, 7);
        Assert.Equal(["6"], await RegionsAsync(maps));

        relay.Answer = 200;
        var next = RegionsAsync(maps);
        await ProbeAsync(clock, relay, 6);
        Assert.False(next.IsCompleted);
        await ProbeAsync(clock, relay, 1);
        Assert.Equal(["6", "999"], await next);
    }

    [Fact]
    public async Task WhoeverDoesNotAnswer200InTimeHasFailed()
    {
        await using var relay = await TestRelay.StartAsync();
        using var probe = new RelayProbe();
        var node = new Node { HostName = "127.0.0.1", DerpPort = relay.Port, ForceHttp = true };
        Assert.True(await probe.SucceedsAsync(node, TestContext.Current.CancellationToken));
        relay.Answer = 302;
        Assert.False(await probe.SucceedsAsync(node, TestContext.Current.CancellationToken));
        relay.Answer = 0;
        using var late = new CancellationTokenSource();
        var asking = probe.SucceedsAsync(node, late.Token);
        await relay.NextRequestAsync();
        await late.CancelAsync();
        Assert.False(await asking.Soon());
        await relay.DisposeAsync();
        Assert.False(await probe.SucceedsAsync(node, TestContext.Current.CancellationToken));
        Assert.False(await probe.SucceedsAsync(new Node { HostName = "not a host", DerpPort = 1 }, TestContext.Current.CancellationToken));
    }

    private static async Task<List<string>> RegionsAsync(WebSocket socket)
    {
        var buffer = new byte[8192];
        var result = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken).WaitAsync(ApiServer.Patience);
        return [.. JsonDocument.Parse(buffer.AsMemory(0, result.Count)).RootElement.GetProperty("Regions").EnumerateObject()
            .Select(static region => region.Name)];
    }

    /// <summary>Lets probe intervals pass, each once the relay was asked for the one before.</summary>
    private static async Task ProbeAsync(ManualTimeProvider clock, TestRelay relay, int times)
    {
        for (var i = 0; i < times; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(5));
            await relay.NextRequestAsync();
        }
    }

    private static DERPMap MapOf(params DERPMap.Types.Region[] regions)
    {
        var map = new DERPMap();
        foreach (var region in regions)
        {
            map.Regions[region.RegionId] = region;
        }

        return map;
    }

    private static DERPMap.Types.Region RegionOf(long id, params string[] names) => new()
    {
        RegionId = id,
        Nodes = { names.Select(name => new Node { Name = name, RegionId = id, HostName = name + ".invalid" }) },
    };

    private static DERPMap.Types.Region Embedded(DERPMap.Types.Region region)
    {
        region.EmbeddedRelay = true;
        return region;
    }

    private static DERPMap.Types.Region StunOnly(long id) =>
        new() { RegionId = id, Nodes = { new Node { Name = "stun", RegionId = id, StunOnly = true } } };

    /// <summary>A relay's HTTP side, which answers what the test says; 0 means never.</summary>
    private sealed class TestRelay : IAsyncDisposable
    {
        private readonly SemaphoreSlim _requests = new(0);
        private readonly WebApplication _app;

        private TestRelay(WebApplication app) => _app = app;

        public volatile int Answer = 200;

        public int Port { get; private set; }

        public static async Task<TestRelay> StartAsync()
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0));
            var relay = new TestRelay(builder.Build());
            relay._app.Run(relay.ServeAsync);
            await relay._app.StartAsync(TestContext.Current.CancellationToken);
            relay.Port =
                new Uri(relay._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port;
            return relay;
        }

        public async Task NextRequestAsync() => Assert.True(await _requests.WaitAsync(ApiServer.Patience));

        public ValueTask DisposeAsync() => _app.DisposeAsync();

        private async Task ServeAsync(HttpContext context)
        {
            _requests.Release();
            if (Answer == 0)
            {
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            }

            context.Response.StatusCode = context.Request.Path == "/derp/probe" ? Answer : 404;
        }
    }
}
