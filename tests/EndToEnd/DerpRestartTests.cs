using System.Buffers.Binary;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Http;
using Relay.Derp.Wire;

namespace EndToEnd;

/// <summary>
/// A relay that is alone stops: its clients have nowhere to go until it is back. How long that takes, with real processes, is in
/// suites/Mesh.
/// </summary>
public class DerpRestartTests
{
    private const int Clients = 50;

    [Fact]
    public async Task AllClientsAreToldAndClosedAtOnceAndTheNodeStops()
    {
        // The clock stands still: nothing here takes time.
        var clock = new ManualTimeProvider();
        await using var edge = await TestNode.StartAsync(clock, waitUntilReady: true, "Edge:Mode=relay");
        var peers = new List<DerpPeer>();
        for (var i = 0; i < Clients; i++)
        {
            peers.Add(await DerpPeer.JoinAsync(edge.PublicUrl));
        }

        await edge.Node.StopAsync().WaitAsync(TestNode.Patience);

        foreach (var peer in peers)
        {
            var (type, payload) = await peer.NextAsync();
            Assert.Equal(DerpFrameType.Restarting, type);
            Assert.Equal(0u, BinaryPrimitives.ReadUInt32BigEndian(payload));
            Assert.InRange(BinaryPrimitives.ReadUInt32BigEndian(payload.AsSpan(4)), 1_000u, 10_000u);
            Assert.Equal(DerpFrameType.None, (await peer.NextAsync()).Type);
            peer.Dispose();
        }
    }

    [Fact]
    public async Task WhoIsSilentHalfWayThroughConnectingOrDoesNotReadHoldsNothingUp()
    {
        var clock = new ManualTimeProvider();
        await using var edge = await TestNode.StartAsync(clock, waitUntilReady: true, "Edge:Mode=relay", "Edge:ShutdownTimeout=10m");
        using var begun = await RawClient.ConnectAsync(edge.PublicUrl);
        await begun.SendAsync("GET /derp HTTP/1.1\r\nHost");
        using var greeted = await DerpPeer.GreetedAsync(edge.PublicUrl);
        using var stuck = await DerpPeer.JoinAsync(edge.PublicUrl, receiveBuffer: 4096);
        using var sender = await DerpPeer.JoinAsync(edge.PublicUrl);
        for (var i = 0; i < 100; i++)
        {
            await sender.SendAsync(stuck.Key, new byte[60_000]);
        }

        await sender.AssertAliveAsync();
        var start = clock.GetUtcNow();
        await clock.AdvanceUntilAsync(edge.Node.StopAsync());

        // The test's clock may move before a thread has seen its last step, so the bound is generous.
        Assert.True(clock.GetUtcNow() - start < TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task ANodeThatAlsoCarriesStreamsRelaysUntilTheseAreOver()
    {
        await using var backend = await TestBackend.StartAsync(static async context =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await socket.EchoAsync();
        });
        var clock = new ManualTimeProvider();
        await using var edge = await TestNode.StartAsync(
            clock, waitUntilReady: true, "Edge:Mode=edge", $"Edge:Backends={backend.Url}", "Relay:Derp:Mode=serve",
            "Relay:Derp:Admission=open");
        using var peer = await DerpPeer.JoinAsync(edge.PublicUrl);
        using var terminal = await TestSocket.ConnectAsync(edge.PublicUrl, "/api/v2/workspaceagents/x/pty");
        await Eventually.TrueAsync(() => edge.Node.OpenStreams == 1, "the relay has the stream");

        var stop = edge.Node.StopAsync();
        Assert.StartsWith("close 1001", await terminal.ReceiveTextAsync(), StringComparison.Ordinal);
        await peer.AssertAliveAsync();
        Assert.False(stop.IsCompleted);
        await terminal.CloseOutputAsync(WebSocketCloseStatus.EndpointUnavailable, null, CancellationToken.None);

        await clock.AdvanceUntilAsync(stop);
        Assert.Equal(DerpFrameType.Restarting, (await peer.NextAsync()).Type);
        Assert.Equal(DerpFrameType.None, (await peer.NextAsync()).Type);
    }

    [Fact]
    public async Task ANodeThatAlsoAnswersARequestRelaysUntilItHas()
    {
        var (entered, finish) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var backend = await TestBackend.StartAsync(async context =>
        {
            entered.TrySetResult();
            await finish.Task;
            await context.Response.WriteAsync("finished");
        });
        var clock = new ManualTimeProvider();
        await using var edge = await TestNode.StartAsync(
            clock, waitUntilReady: true, "Edge:Mode=edge", $"Edge:Backends={backend.Url}", "Relay:Derp:Mode=serve",
            "Relay:Derp:Admission=open");
        using var peer = await DerpPeer.JoinAsync(edge.PublicUrl);
        var running = edge.Public.GetStringAsync("/slow");
        await entered.Task.WaitAsync(TestNode.Patience);

        var stop = edge.Node.StopAsync();
        clock.Advance(TimeSpan.FromSeconds(5));
        await peer.AssertAliveAsync();
        finish.SetResult();

        Assert.Equal("finished", await running.WaitAsync(TestNode.Patience));
        await clock.AdvanceUntilAsync(stop);
        Assert.Equal(DerpFrameType.Restarting, (await peer.NextAsync()).Type);
    }
}
