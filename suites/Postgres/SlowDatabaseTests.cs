using System.Net.WebSockets;
using ControlPlane.Storage;

namespace ControlPlane.Tests;

/// <summary>A database that is long in answering holds up those who ask it, and nobody else.</summary>
public sealed class SlowDatabaseTests
{
    private const int Requests = 200;

    [Theory]
    [InlineData("", true)]
    [InlineData("/api/v2/workspaceagents/me/manifest", false)]
    public async Task RequestsThatWaitForTheDatabaseHoldNoThread(string path, bool ofUser)
    {
        var name = "slow" + Guid.NewGuid().ToString("N");
        TestDatabase.Execute(TestDatabase.Server!, $"CREATE DATABASE {name}");
        await using var server = await ApiServer.StartAsync(
            directory => new ControlPlaneOptions { DataDirectory = directory, Database = $"{TestDatabase.Server};Database={name};Timeout=60" });
        var (url, token) = ofUser ? (server.AgentPath + path, server.Credentials!.SessionToken) : (path, server.Agent.AuthToken);
        using var stream = await TailnetLink.DialAsync(server, "/api/v2/derp-map", server.Credentials!.SessionToken);
        Assert.Equal(200, (await server.GetAsync(url, token)).Status);

        // Nothing of agents is read until this ends; there are threads for a fraction of the requests.
        var owner = server.Database.Engine.Rent();
        await using var transaction = server.Database.Engine.BeginWrite(owner);
        owner.Execute("LOCK TABLE workspace_agents IN ACCESS EXCLUSIVE MODE");
        var waiting = Enumerable.Range(0, Requests).Select(_ => server.GetAsync(url, token)).ToArray();
        using (var looker = new Npgsql.NpgsqlConnection($"{TestDatabase.Server};Pooling=false;Server Compatibility Mode=NoTypeLoading"))
        {
            looker.Open();
            await Eventually.TrueAsync(
                () => looker.Count("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0, "the first requests wait for the database");
        }

        // What asks no agent is answered; health says why it is not well, in time.
        Assert.Equal(200, (await server.GetAsync("/api/v2/")).Status);
        Assert.Contains((await server.GetAsync("/healthz")).Status, (int[])[200, 503]);
        using var guard = new CancellationTokenSource(ApiServer.Patience);
        await stream.CloseAsync(WebSocketCloseStatus.NormalClosure, null, guard.Token);
        Assert.All(waiting, static one => Assert.False(one.IsCompleted));

        await transaction.RollbackAsync(TestContext.Current.CancellationToken);
        server.Database.Engine.Return(owner);
        Assert.All(await Task.WhenAll(waiting), static answer => Assert.Equal(200, answer.Status));
    }
}
