using System.Text.Json;
using ControlPlane.Agents;
using ControlPlane.Reinit;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests;

public sealed class ReinitTests
{
    private const string Path = "/api/v2/workspaceagents/me/reinit";
    private const string Other = "00000000-0000-4000-8000-000000000001";

    [Fact]
    public async Task AnOrdinaryWorkspaceIs409ForThoseWhoWait()
    {
        await using var server = await ApiServer.StartAsync();
        foreach (var wait in (string[])["true", "1", "T"])
        {
            var answer = await server.SendAsAgentAsync(HttpMethod.Get, $"{Path}?wait={wait}");
            Assert.Equal(409, answer.Status);
            Assert.NotNull(answer.Message);
        }

        Assert.Equal(400, (await server.SendAsAgentAsync(HttpMethod.Get, Path + "?wait=yes")).Status);
        Assert.Equal(401, (await server.GetAsync(Path)).Status);
    }

    [Fact]
    public async Task AStreamBeginsAtOnceAndIsPingedEach15Seconds()
    {
        var time = new ManualTimeProvider();
        await using var server = await ApiServer.StartAsync(time: time);
        using var stream = await EventStream.OpenAsync(server, "");
        Assert.Equal("text/event-stream", stream.Response.Content.Headers.ContentType!.ToString());
        Assert.Equal("no-cache", stream.Response.Headers.CacheControl!.ToString());
        Assert.Equal("no", Assert.Single(stream.Response.Headers.GetValues("X-Accel-Buffering")));
        Assert.Equal("keep-alive", Assert.Single(stream.Response.Headers.Connection));
        Assert.Equal("event: ping", Assert.Single((await stream.ReadAsync())!));
        for (var ping = 0; ping < 3; ping++)
        {
            await Eventually.TrueAsync(() => time.IsDueIn(TimeSpan.FromSeconds(15)), "the stream waits");
            time.Advance(TimeSpan.FromSeconds(14.9));
            Assert.True(time.IsDueIn(TimeSpan.FromSeconds(0.1))); // not yet
            time.Advance(TimeSpan.FromSeconds(0.1));
            Assert.Equal("event: ping", Assert.Single((await stream.ReadAsync())!));
        }
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("?wait=false", true)]
    [InlineData("?wait=true", true)]
    public async Task AClaimIsOneEventWithTheNewOwnerAndThenTheEnd(string query, bool prepared)
    {
        await using var server = await StartAsync();
        var workspace = await WorkspaceAsync(server);
        if (prepared)
        {
            Assert.True(await server.Claims().PrepareAsync(workspace, default));
        }

        using (var stream = await EventStream.OpenAsync(server, query))
        {
            Assert.Equal(ClaimResult.Claimed, await server.Claims().ClaimAsync(workspace, Guid.Parse(Other), default));
            AssertClaimed(workspace, await stream.NextAsync());
            Assert.Null(await stream.NextAsync());
        }

        // The agent restarts and asks again.
        await Eventually.TrueAsync(
            async () => (await server.SendAsAgentAsync(HttpMethod.Get, Path + "?wait=true")).Status == 409, "the event counts as told");
        Assert.Equal(404, (await server.GetAsUserAsync(server.AgentPath)).Status);
    }

    [Fact]
    public async Task AClaimThatCameWhileTheAgentWasAwayIsToldOnceToThoseWhoWait()
    {
        await using var server = await StartAsync();
        var workspace = await WorkspaceAsync(server);
        await server.Claims().ClaimAsync(workspace, Guid.Parse(Other), default);
        using var later = await EventStream.OpenAsync(server, ""); // hears of later claims only
        using (var stream = await EventStream.OpenAsync(server, "?wait=true"))
        {
            AssertClaimed(workspace, await stream.NextAsync());
            Assert.Null(await stream.NextAsync());
        }

        await Eventually.TrueAsync(
            async () => (await server.SendAsAgentAsync(HttpMethod.Get, Path + "?wait=true")).Status == 409, "the event counts as told");
        await server.Claims().ClaimAsync(workspace, Guid.Parse(Other), default);
        AssertClaimed(workspace, await later.NextAsync());
    }

    [Fact]
    public async Task AClaimThatFailedEndsTheWait()
    {
        await using var server = await StartAsync();
        var workspace = await WorkspaceAsync(server);
        await server.Claims().PrepareAsync(workspace, default);
        using var stream = await EventStream.OpenAsync(server, "?wait=true");
        await server.Claims().FailAsync(workspace, default);
        Assert.Null(await stream.NextAsync());
        Assert.Equal(409, (await server.SendAsAgentAsync(HttpMethod.Get, Path + "?wait=true")).Status);
    }

    [Fact]
    public async Task AnAgentMadeAfterTheClaimNeedsNoEvent()
    {
        var time = new ManualTimeProvider();
        await using var server = await StartAsync(time);
        await server.Claims().ClaimAsync(await WorkspaceAsync(server), Guid.Parse(Other), default);
        server.Execute("UPDATE workspace_agents SET created_at = created_at + 1");
        Assert.Equal(409, (await server.SendAsAgentAsync(HttpMethod.Get, Path + "?wait=true")).Status);
    }

    [Fact]
    public async Task AClaimOfAnotherProcessIsFoundWithTheNextPing()
    {
        var time = new ManualTimeProvider();
        await using var server = await StartAsync(time);
        var workspace = await WorkspaceAsync(server);
        await server.Claims().PrepareAsync(workspace, default);
        using var stream = await EventStream.OpenAsync(server, "?wait=true");
        await Eventually.TrueAsync(() => time.IsDueIn(TimeSpan.FromSeconds(15)), "the stream waits");
        server.Execute($"UPDATE workspaces SET owner_id = '{Other}'; UPDATE workspace_claims SET state = 'claimed'");
        time.Advance(TimeSpan.FromSeconds(15));
        AssertClaimed(workspace, await stream.NextAsync());
    }

    [Fact]
    public async Task AStreamEndsWithTheServerOrItsAgent()
    {
        var time = new ManualTimeProvider();
        await using var server = await StartAsync(time);
        using var first = await EventStream.OpenAsync(server, "");
        await Eventually.TrueAsync(() => time.IsDueIn(TimeSpan.FromSeconds(15)), "the stream waits");
        server.Execute("DELETE FROM workspace_agents");
        time.Advance(TimeSpan.FromSeconds(15));
        Assert.Null(await first.NextAsync());

        await using var stopped = await StartAsync();
        using var second = await EventStream.OpenAsync(stopped, "");
        await stopped.StopAsync();
        Assert.Null(await second.NextAsync());
    }

    [Fact]
    public async Task WhatCannotBeClaimedIsSaid()
    {
        await using var server = await StartAsync();
        var workspace = await WorkspaceAsync(server);
        Assert.Equal(ClaimResult.NoSuchWorkspace, await server.Claims().ClaimAsync(Guid.NewGuid(), Guid.Parse(Other), default));
        Assert.Equal(ClaimResult.NoSuchUser, await server.Claims().ClaimAsync(workspace, Guid.NewGuid(), default));
        Assert.False(await server.Claims().PrepareAsync(Guid.NewGuid(), default));
        server.Execute($"INSERT INTO workspaces SELECT '{Guid.NewGuid()}', '{Other}', organization_id, 'DEFAULT', 0, 0 FROM workspaces");
        Assert.Equal(ClaimResult.NameTaken, await server.Claims().ClaimAsync(workspace, Guid.Parse(Other), default));
        Assert.Equal(0, server.Count("SELECT count(*) FROM workspace_claims"));
    }

    private static async Task<ApiServer> StartAsync(ManualTimeProvider? time = null)
    {
        var server = await ApiServer.StartAsync(time: time);
        server.Execute($"""
            INSERT INTO users (id, username, name, email, created_at, updated_at, last_seen_at, status, login_type)
            VALUES ('{Other}', 'other', '', '', 0, 0, 0, 'active', 'none')
            """);
        return server;
    }

    private static async Task<Guid> WorkspaceAsync(ApiServer server) =>
        (await server.Services.GetRequiredService<AgentStore>().FindAsync(server.Agent.Id))!.WorkspaceId;

    private static void AssertClaimed(Guid workspace, string[]? message)
    {
        Assert.Equal("event: data", message![0]);
        Assert.StartsWith("data: ", message[1], StringComparison.Ordinal);
        var data = JsonDocument.Parse(message[1]["data: ".Length..]).RootElement;
        Assert.Equal("prebuild_claimed", data.GetProperty("reason").GetString());
        Assert.Equal(workspace, data.GetProperty("workspace_id").GetGuid());
        Assert.Equal(workspace, data.GetProperty("workspaceID").GetGuid());
        Assert.Equal(Guid.Parse(Other), data.GetProperty("owner_id").GetGuid());
    }

    private sealed class EventStream(HttpResponseMessage response, StreamReader reader) : IDisposable
    {
        public HttpResponseMessage Response { get; } = response;

        public static async Task<EventStream> OpenAsync(ApiServer server, string query)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, Path + query);
            request.Headers.Add("Coder-Session-Token", server.Agent.AuthToken);
            var response = await server.Client.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
            Assert.Equal(200, (int)response.StatusCode);
            return new EventStream(
                response, new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken)));
        }

        /// <summary>The lines of the next event that is no ping; null at the stream's orderly end.</summary>
        public async Task<string[]?> NextAsync()
        {
            while (true)
            {
                if (await ReadAsync() is not ["event: ping"] and var lines)
                {
                    return lines;
                }
            }
        }

        /// <summary>The lines of the next event, also of a ping.</summary>
        public async Task<string[]?> ReadAsync()
        {
            var lines = new List<string>();
            while (await reader.ReadLineAsync(TestContext.Current.CancellationToken).AsTask()
                .WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken) is { } line)
            {
                if (line.Length == 0)
                {
                    return [.. lines];
                }

                lines.Add(line);
            }

            Assert.Empty(lines);
            return null;
        }

        public void Dispose()
        {
            reader.Dispose();
            Response.Dispose();
        }
    }
}
