using ControlPlane.Access;
using ControlPlane.Administration;
using ControlPlane.ExternalAuth;
using ControlPlane.Logs;
using ControlPlane.Reinit;
using ControlPlane.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests;

/// <summary>
/// Several API servers on one database: a change at one wakes the requests that wait at another. Their clocks stand still, so
/// that no timer wakes them.
/// </summary>
public sealed class NoticeTests
{
    [Fact]
    public async Task WhatOneServerChangesWakesThoseWhoWaitAtAnother()
    {
        await using var one = await ApiServer.StartAsync(time: new ManualTimeProvider());
        await using var other = await ApiServer.StartAsync(time: new ManualTimeProvider(), directory: one.Directory);
        await ListeningAsync(one, other);
        using var logs = await FollowAsync(one, other);
        Assert.Equal("[]\n", await logs.ReceiveTextAsync());

        Assert.Equal(200, (await one.PatchLogsAsync("from the other server")).Status);

        Assert.Equal(["from the other server"], await logs.ReceiveOutputsAsync());
    }

    [Fact]
    public async Task EveryKindOfChangeIsPassedOnAndNoneComesBack()
    {
        await using var one = await ApiServer.StartAsync(time: new ManualTimeProvider());
        await using var other = await ApiServer.StartAsync(time: new ManualTimeProvider(), directory: one.Directory);
        await ListeningAsync(one, other);
        Type[] kinds =
        [
            typeof(LogSignals), typeof(ExternalAuthSignals), typeof(ReinitSignals), typeof(Coordination.WorkspaceSignals),
            typeof(Access.AccessSignals),
        ];
        foreach (var kind in kinds)
        {
            var (here, there) = ((Signals)one.Services.GetRequiredService(kind), (Signals)other.Services.GetRequiredService(kind));
            var id = Guid.NewGuid();
            var heard = there.Next(id);
            here.Pulse(id);
            var own = here.Next(id);
            await heard.WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);

            // Notices come in their order: its own would have come before the other's.
            var last = here.Next(Guid.Empty);
            there.Pulse(Guid.Empty);
            await last.WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);
            Assert.False(own.IsCompleted);
        }
    }

    [Fact]
    public async Task AServerWhoseConnectionForNoticesIsLostWakesAllItMayHaveMissed()
    {
        var time = new ManualTimeProvider();
        await using var one = await ApiServer.StartAsync(time: new ManualTimeProvider());
        await using var other = await ApiServer.StartAsync(time: time, directory: one.Directory);
        await ListeningAsync(one, other);
        var missed = other.Services.GetSignals().Next(Guid.NewGuid());

        other.Execute("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query = (SELECT 'LISTEN \"edge_' || "
            + "md5(current_schema()) || '\"')");

        await Eventually.TrueAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return missed.IsCompleted;
            },
            "the waiters are woken");
    }

    [Fact]
    public async Task ATokenThatOneServerWithdrawsIsRefusedByAnotherOnItsNotice()
    {
        await using var one = await ApiServer.StartAsync(time: new ManualTimeProvider());
        await using var other = await ApiServer.StartAsync(time: new ManualTimeProvider(), directory: one.Directory);
        await ListeningAsync(one, other);
        var (token, heard) = (one.Agent.AuthToken, other.Services.GetRequiredService<AccessSignals>().Next(Guid.Empty));
        await KnownAsync(other, token);

        await one.Services.GetRequiredService<AgentAdministration>()
            .RotateTokenAsync(one.Agent.Id.ToString(), TestContext.Current.CancellationToken);
        await heard.WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);

        Assert.Equal(401, await ReportAsync(other, token));
    }

    [Fact]
    public async Task NothingIsKeptThatWasReadWhileNoNoticeCouldBeHeard()
    {
        var time = new ManualTimeProvider();
        await using var one = await ApiServer.StartAsync(time: new ManualTimeProvider());
        await using var other = await ApiServer.StartAsync(time: time, directory: one.Directory);
        await ListeningAsync(one, other);
        var access = other.Services.GetRequiredService<AccessSignals>();
        await KnownAsync(other, one.Agent.AuthToken);

        // The change is one of which there is no notice, as of one that is lost with the connection.
        other.Execute("UPDATE workspace_agents SET hashed_auth_token = @hash");
        Assert.Equal(200, await ReportAsync(other, one.Agent.AuthToken));
        var version = access.Version;
        other.Execute("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query = (SELECT 'LISTEN \"edge_' || "
            + "md5(current_schema()) || '\"')");
        await Eventually.TrueAsync(
            () =>
            {
                // Less than the age at which an entry is read again, however often.
                time.Advance(TimeSpan.FromMilliseconds(100));
                return access.Version != version;
            },
            "the server listens again");

        Assert.Equal(401, await ReportAsync(other, one.Agent.AuthToken));
    }

    /// <summary>Twice, so that the second answer is from what is kept.</summary>
    private static async Task KnownAsync(ApiServer server, string token)
    {
        Assert.Equal(200, await ReportAsync(server, token));
        Assert.Equal(200, await ReportAsync(server, token));
    }

    private static async Task<int> ReportAsync(ApiServer server, string token) =>
        (await server.SendAsync(HttpMethod.Post, "/api/v2/workspaceagents/me/report-stats", token, "{}")).Status;

    private static async Task ListeningAsync(ApiServer one, ApiServer other)
    {
        foreach (var (from, to) in ((ApiServer, ApiServer)[])[(one, other), (other, one)])
        {
            var id = Guid.NewGuid();
            var heard = to.Services.GetSignals().Next(id);
            await Eventually.TrueAsync(
                () =>
                {
                    from.Services.GetSignals().Pulse(id);
                    return heard.IsCompleted;
                },
                "a server hears the other");
        }
    }

    private static async Task<System.Net.WebSockets.ClientWebSocket> FollowAsync(ApiServer one, ApiServer other) =>
        await TailnetLink.DialAsync(other, one.AgentPath + "/logs?follow", one.Credentials!.SessionToken);
}
