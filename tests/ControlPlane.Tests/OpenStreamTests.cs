using System.Globalization;
using System.Net.WebSockets;
using System.Text.RegularExpressions;
using ControlPlane.Access;
using ControlPlane.Http;
using ControlPlane.Tests.Administration;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests;

/// <summary>A stream is closed when the token that opened it is withdrawn or expires.</summary>
public sealed class OpenStreamTests
{
    [Theory]
    [InlineData("DELETE /users/ann/tokens/{token}")]
    [InlineData("POST /users/ann/tokens/{token}/rotate")]
    [InlineData("PATCH /users/ann suspended")]
    [InlineData("DELETE /users/ann?with_workspaces=true")]
    [InlineData("DELETE /workspaces/ann%2Fdev")]
    [InlineData("DELETE /agents/ann%2Fdev%2Fmain")]
    [InlineData("POST /workspaces/ann%2Fdev/reinit admin")]
    public async Task AUsersStreamEndsWithItsTokenItsUserOrItsAgent(string action)
    {
        await using var admin = await AdminListener.StartAsync();
        var (user, agent, token) = await MakeAsync(admin);
        using var stream = await TailnetLink.DialAsync(
            admin.Server, $"/api/v2/workspaceagents/{agent.Text("id")}/coordinate?version=2.0", user);
        using var other = await admin.Server.FollowAsync();
        Assert.Equal("[]\n", await other.ReceiveTextAsync());

        await ActAsync(admin, action, token);

        Assert.Equal(WebSocketCloseStatus.PolicyViolation, await CloseOfAsync(stream));
        Assert.Equal(200, (await admin.Server.PatchLogsAsync("still here")).Status);
        Assert.Contains("still here", await other.ReceiveTextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAgentsStreamsEndWithItsTokenWhateverTheirRole()
    {
        await using var admin = await AdminListener.StartAsync();
        var (_, agent, _) = await MakeAsync(admin);
        var token = agent.Text("auth_token")!;
        using var shipper = await TailnetLink.DialAsync(admin.Server, "/api/v2/workspaceagents/me/rpc?version=2.10&role=shipper", token);
        using var map = await TailnetLink.DialAsync(admin.Server, "/api/v2/derp-map", token);

        Assert.Equal(200, (await admin.PostAsync("/agents/ann%2Fdev%2Fmain/rotate-token")).Status);

        Assert.Equal(WebSocketCloseStatus.PolicyViolation, await CloseOfAsync(shipper));
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, await CloseOfAsync(map));
    }

    [Fact]
    public async Task WhatTheServerWouldSendLaterDoesNotCutTheCloseOff()
    {
        var log = new CapturedLog();
        await using var admin = await AdminListener.StartAsync(log: log);
        var (user, agent, token) = await MakeAsync(admin);
        var path = $"/api/v2/workspaceagents/{agent.Text("id")}";
        using var lines = await TailnetLink.DialAsync(admin.Server, path + "/logs?follow", user);
        using var session = await TailnetLink.DialAsync(admin.Server, path + "/coordinate?version=2.0", user);
        await ActAsync(admin, "DELETE /users/ann/tokens/{token}", token);
        await Eventually.TrueAsync(() => log.Lines.Sum(ClosedStreams) == 2, "both are closed");

        // Nobody has read yet. A line and a yamux ping make the server send once more.
        byte[] ping = [0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
        await session.SendAsync(ping, WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);
        for (var i = 0; i < 20; i++)
        {
            var line = new { logs = new[] { new { created_at = "2026-01-01T00:00:00Z", output = "late" } } };
            Assert.Equal(
                200,
                (await admin.Server.SendAsync(HttpMethod.Patch, "/api/v2/workspaceagents/me/logs", agent.Text("auth_token"), line)).Status);
        }

        Assert.Equal(WebSocketCloseStatus.PolicyViolation, await CloseOfAsync(lines));
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, await CloseOfAsync(session));
    }

    [Fact]
    public async Task AStreamThatOpensWhileItsTokenIsWithdrawnEndsToo()
    {
        var log = new CapturedLog();
        await using var admin = await AdminListener.StartAsync(log: log);
        var (user, _, token) = await MakeAsync(admin);
        var streams = admin.Server.Services.GetRequiredService<OpenStreams>();
        var version = admin.Server.Services.GetRequiredService<AccessSignals>().Version;
        var access = new StreamAccess(token, Secrets.Hash(user.Split('-')[1]), Guid.Empty, version);

        // The stream's credentials were checked before the withdrawal, and it is added after the check that follows the withdrawal.
        using var first = new RevocableWebSocket(new ClientWebSocket());
        using var entry = streams.Add(access, first);
        await ActAsync(admin, "DELETE /users/ann/tokens/{token}", token);
        await Eventually.TrueAsync(() => log.Lines.Sum(ClosedStreams) == 1, "the open stream is closed");
        using var second = new RevocableWebSocket(new ClientWebSocket());
        using var late = streams.Add(access, second);

        await Eventually.TrueAsync(() => log.Lines.Sum(ClosedStreams) == 2, "the late stream is closed");
    }

    [Fact]
    public async Task WhatAnotherProcessWithdrawsOrTimeDoesEndsAStreamInTime()
    {
        var time = new ManualTimeProvider();

        // The clock goes on after the close, which must not reach the limit of the client's answer.
        await using var server = await ApiServer.StartAsync(
            static directory => new() { DataDirectory = directory, WebSocketCloseTimeout = TimeSpan.FromDays(1) }, time);
        using var stream = await server.FollowAsync();
        Assert.Equal("[]\n", await stream.ReceiveTextAsync());
        server.Execute($"UPDATE api_keys SET expires_at = {(time.GetUtcNow().AddSeconds(59) - DateTimeOffset.UnixEpoch).Ticks / 10}");

        // No notice comes. The server checks the token of an open stream once a minute.
        var close = CloseOfAsync(stream);
        await Eventually.TrueAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(30));
                return close.IsCompleted;
            },
            "the stream is closed");
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, await close);
    }

    private static async Task<(string Token, Answer Agent, string TokenId)> MakeAsync(AdminListener admin)
    {
        Assert.Equal(201, (await admin.PostAsync("/users", new { username = "ann" })).Status);
        Assert.Equal(201, (await admin.PostAsync("/workspaces", new { owner = "ann", name = "dev" })).Status);
        var agent = await admin.PostAsync("/agents", new { workspace = "ann/dev", name = "main" });
        Assert.Equal(201, agent.Status);
        var token = await admin.PostAsync("/users/ann/tokens");
        return (token.Text("token")!, agent, token.Text("id")!);
    }

    private static async Task ActAsync(AdminListener admin, string action, string token)
    {
        var words = action.Replace("{token}", token, StringComparison.Ordinal).Split(' ');
        object? body = words switch
        {
            ["PATCH", ..] => new { status = words[2] },
            ["POST", _, var owner] => new { owner },
            ["POST", ..] => new { },
            _ => null,
        };
        Assert.InRange((await admin.SendAsync(new HttpMethod(words[0]), words[1], body)).Status, 200, 204);
    }

    /// <summary>The number of a log line about closed streams; 0 for other lines.</summary>
    private static int ClosedStreams(string line) =>
        Regex.Match(line, "([0-9]+) stream\\(s\\) were closed") is { Success: true } match
            ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
            : 0;

    /// <summary>Skips the messages before the close, and answers the close as clients do.</summary>
    private static async Task<WebSocketCloseStatus?> CloseOfAsync(WebSocket socket)
    {
        using var guard = new CancellationTokenSource(ApiServer.Patience);
        var buffer = new byte[64 * 1024];
        while ((await socket.ReceiveAsync(buffer, guard.Token)).MessageType != WebSocketMessageType.Close)
        {
        }

        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, guard.Token);
        return socket.CloseStatus;
    }
}
