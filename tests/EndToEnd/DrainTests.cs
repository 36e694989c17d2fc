using System.Net;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Http;

namespace EndToEnd;

/// <summary>A deploy while requests and streams run: in this process with its own listeners, and in a real process by signals.</summary>
public class DrainTests
{
    [Fact]
    public async Task WhileTheDrainDelayRunsTheNodeIsNotReadyAndStillAccepts()
    {
        var clock = new ManualTimeProvider();
        await using var backend = await TestBackend.StartAsync(static context => context.Response.WriteAsync("fine"));
        await using var edge = await TestNode.StartAsync(
            clock, waitUntilReady: true, "Edge:Mode=edge", $"Edge:Backends={backend.Url}", "Edge:DrainDelay=10s");

        var stop = edge.Node.StopAsync();
        using (var ready = await edge.Admin.GetAsync("/readyz"))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
            Assert.Equal("draining\n", await ready.Content.ReadAsStringAsync());
        }

        Assert.Equal("fine", await edge.Public.GetStringAsync("/x"));
        Assert.False(stop.IsCompleted);

        clock.Advance(TimeSpan.FromSeconds(10));
        await stop.WaitAsync(TestNode.Patience);
        await Assert.ThrowsAsync<HttpRequestException>(() => edge.Public.GetStringAsync("/x"));
    }

    [Fact]
    public async Task ARunningRequestFinishesAndNoNewConnectionIsTaken()
    {
        var entered = new TaskCompletionSource();
        var finish = new TaskCompletionSource();
        await using var backend = await TestBackend.StartAsync(async context =>
        {
            entered.SetResult();
            await finish.Task;
            await context.Response.WriteAsync("finished");
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");

        var running = edge.Public.GetStringAsync("/slow");
        await entered.Task.WaitAsync(TestNode.Patience);
        var stop = edge.Node.StopAsync();
        await Eventually.TrueAsync(async () => await IsRefusedAsync(edge.PublicUrl), "the listener is closed");
        finish.SetResult();

        Assert.Equal("finished", await running.WaitAsync(TestNode.Patience));
        await stop.WaitAsync(TestNode.Patience);
    }

    [Fact]
    public async Task RequestsThatWaitForNewsDoNotHoldAStop()
    {
        var waiting = new CountdownEvent(2);
        await using var backend = await TestBackend.StartAsync(async context =>
        {
            if (context.Request.Path.Value!.EndsWith("/reinit", StringComparison.Ordinal))
            {
                context.Response.ContentType = "text/event-stream";
                await context.Response.WriteAsync("event: ping\n\n");
                await context.Response.Body.FlushAsync();
            }

            waiting.Signal();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}", "Edge:ShutdownTimeout=10m");
        var listening = edge.Public.GetAsync("/api/v2/workspaceagents/me/external-auth?id=x&listen");
        using var events = await edge.Public.GetAsync(
            "/api/v2/workspaceagents/me/reinit?wait=true", HttpCompletionOption.ResponseHeadersRead);
        await Eventually.TrueAsync(() => waiting.IsSet, "both wait");

        await edge.Node.StopAsync().WaitAsync(TestNode.Patience);

        using var answer = await listening.WaitAsync(TestNode.Patience);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(1), answer.Headers.RetryAfter?.Delta);

        // A whole answer, which ends.
        Assert.Equal("event: ping\n\n", await events.Content.ReadAsStringAsync().WaitAsync(TestNode.Patience));
        Assert.DoesNotContain(edge.Log.Lines, static line => line.Contains("could not be forwarded", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnAgentThatWaitsAtTheEmbeddedServerDoesNotHoldAStop()
    {
        await using var edge = await TestNode.StartAsync(
            "Edge:ShutdownTimeout=10m",
            "ControlPlane:ExternalAuth:0:Id=x",
            "ControlPlane:ExternalAuth:0:Type=github",
            "ControlPlane:ExternalAuth:0:LinkUrl=http://localhost/");
        edge.Public.DefaultRequestHeaders.Add(
            "Coder-Session-Token", Bootstrapped.AgentToken(Path.Combine(edge.DataDirectory, "data", "bootstrap.json")));
        using var events = await edge.Public.GetAsync("/api/v2/workspaceagents/me/reinit", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, events.StatusCode);
        var listening = edge.Public.GetAsync("/api/v2/workspaceagents/me/gitauth?id=x&listen");
        using (var linked = await edge.Public.GetAsync("/api/v2/workspaceagents/me/gitauth?id=x"))
        {
            Assert.Equal(HttpStatusCode.OK, linked.StatusCode);
        }

        Assert.False(listening.IsCompleted);
        await edge.Node.StopAsync().WaitAsync(TestNode.Patience);

        Assert.Contains("event: ping", await events.Content.ReadAsStringAsync().WaitAsync(TestNode.Patience), StringComparison.Ordinal);
        await Task.WhenAny(listening).WaitAsync(TestNode.Patience);
    }

    [Theory]
    [InlineData("/api/v2/workspaceagents/11111111-1111-1111-1111-111111111111/coordinate")]
    [InlineData("/api/v2/workspaceagents/me/rpc")]
    [InlineData("/api/v2/tailnet")]
    [InlineData("/api/v2/workspaceagents/11111111-1111-1111-1111-111111111111/pty")]
    [InlineData("/api/v2/workspaceagents/11111111-1111-1111-1111-111111111111/logs")]
    public async Task EveryKindOfStreamHears1001AndTheNodeStops(string path)
    {
        var seen = new TaskCompletionSource<string>();
        await using var backend = await TestBackend.StartAsync(async context =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await socket.SendTextAsync("hello");
            seen.SetResult(await socket.ReceiveTextAsync());
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}", "Edge:ShutdownTimeout=5s");
        using var client = await TestSocket.ConnectAsync(edge.PublicUrl, path);
        Assert.Equal("hello", await client.ReceiveTextAsync());

        var stop = edge.Node.StopAsync();
        Assert.StartsWith("close 1001", await client.ReceiveTextAsync(), StringComparison.Ordinal);
        await client.CloseOutputAsync(WebSocketCloseStatus.EndpointUnavailable, null, CancellationToken.None);

        Assert.StartsWith("close 1001", await seen.Task.WaitAsync(TestNode.Patience), StringComparison.Ordinal);
        await stop.WaitAsync(TestNode.Patience);
    }

    [Fact]
    public async Task CoordinationStreamsGoAtOnceAndTheOthersAreSpreadOverTheTime()
    {
        var clock = new ManualTimeProvider();
        await using var backend = await TestBackend.StartAsync(static async context =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await socket.EchoAsync();
        });
        await using var edge = await TestNode.StartAsync(
            clock, waitUntilReady: true, "Edge:Mode=edge", $"Edge:Backends={backend.Url}", "Edge:ShutdownTimeout=42s");
        using var coordinate = await TestSocket.ConnectAsync(edge.PublicUrl, "/api/v2/workspaceagents/x/coordinate");
        var terminals = new List<ClientWebSocket>();
        for (var i = 0; i < 8; i++)
        {
            terminals.Add(await TestSocket.ConnectAsync(edge.PublicUrl, "/api/v2/workspaceagents/x/pty"));
        }

        var closed = 0;
        var ends = terminals.Select(async terminal =>
        {
            var end = await terminal.ReceiveTextAsync();
            Interlocked.Increment(ref closed);
            await terminal.CloseOutputAsync(WebSocketCloseStatus.EndpointUnavailable, null, CancellationToken.None);
            return end;
        }).ToArray();

        // A client finishes its handshake before the relay has registered its stream. A stream that registers during the drain is
        // closed at once.
        await Eventually.TrueAsync(() => edge.Node.OpenStreams == 9, "the relay has all streams");
        var stop = edge.Node.StopAsync();
        Assert.StartsWith("close 1001", await coordinate.ReceiveTextAsync(), StringComparison.Ordinal);
        Assert.True(Volatile.Read(ref closed) <= 1, "a terminal's turn comes later");

        // The window is the time-out less 2 s for the last bytes and 1 s for the last answer; an eighth of it lies between two turns.
        // The clock moves in small steps, so that no stream's time to close is over before it had any.
        var (elapsed, step, between) = (TimeSpan.Zero, TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(39.0 / 8));
        while (elapsed < TimeSpan.FromSeconds(40))
        {
            clock.Advance(step);
            elapsed += step;
            var due = Math.Min(8, 1 + (int)((elapsed - step) / between));
            await Eventually.TrueAsync(() => Volatile.Read(ref closed) >= due, $"after {elapsed.TotalSeconds} s {due} are closed");
            Assert.InRange(Volatile.Read(ref closed), due, due + 1);
        }

        Assert.All(await Task.WhenAll(ends), static end => Assert.StartsWith("close 1001", end, StringComparison.Ordinal));
        await clock.AdvanceUntilAsync(stop);
        terminals.ForEach(static terminal => terminal.Dispose());
    }

    [Fact]
    public async Task OnSigtermTheProcessDrainsAndExitsWithZero()
    {
        using var directory = new TemporaryDirectory();
        await using var edge = await EdgeProcess.StartAsync(
            directory.Path, "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0");
        using var client = await TestSocket.ConnectAsync(edge.UrlOf("public"), await FollowPathAsync(directory), options =>
            options.SetRequestHeader("Coder-Session-Token", Bootstrapped.SessionToken(directory.File(".edge/bootstrap.json"))));
        Assert.Equal("[]\n", await client.ReceiveTextAsync());

        await edge.SignalAsync("TERM");
        Assert.StartsWith("close 1001", await client.ReceiveTextAsync(), StringComparison.Ordinal);
        await client.CloseOutputAsync(WebSocketCloseStatus.EndpointUnavailable, null, CancellationToken.None);

        Assert.Equal(0, await edge.ExitAsync());
    }

    [Fact]
    public async Task ASecondSignalEndsTheProcessAtOnce()
    {
        var entered = new TaskCompletionSource();
        await using var backend = await TestBackend.StartAsync(async context =>
        {
            entered.TrySetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });
        using var directory = new TemporaryDirectory();
        await using var edge = await EdgeProcess.StartAsync(
            directory.Path, "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:Mode=edge",
            $"--Edge:Backends={backend.Url}", "--Edge:ShutdownTimeout=10m");
        using var http = new HttpClient();
        var hanging = http.GetAsync(new Uri(edge.UrlOf("public"), "/hang"));
        await entered.Task.WaitAsync(TestNode.Patience);

        await edge.SignalAsync("TERM");
        var admin = edge.UrlOf("admin");
        await Eventually.TrueAsync(
            async () => (await http.GetAsync(new Uri(admin, "/readyz"))).StatusCode is HttpStatusCode.ServiceUnavailable, "it drains");
        await edge.SignalAsync("TERM");

        Assert.NotEqual(0, await edge.ExitAsync());
        await Assert.ThrowsAnyAsync<Exception>(() => hanging);
    }

    private static Task<string> FollowPathAsync(TemporaryDirectory directory) =>
        Task.FromResult($"/api/v2/workspaceagents/{Bootstrapped.AgentId(directory.File(".edge/bootstrap.json"))}/logs?follow");

    private static async Task<bool> IsRefusedAsync(Uri url)
    {
        try
        {
            using var client = await RawClient.ConnectAsync(url);
            return false;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return true;
        }
    }
}
