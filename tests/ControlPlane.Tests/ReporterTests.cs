using ControlPlane.Access;
using ControlPlane.Agents;
using ControlPlane.Http;
using ControlPlane.Statistics;
using ControlPlane.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests;

/// <summary>The token of an agent that reports is accepted as long as it is valid, and not for one request longer.</summary>
public sealed class ReporterTests : IDisposable
{
    private readonly string _directory = ApiServer.NewDirectory();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task NeitherStatisticsNorLogLinesNorNewAgentsNorUnknownTokensMakeAQueryOfAKnownToken()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory, time: new ManualTimeProvider());
        await server.ListeningAsync();
        var agents = server.Services.GetRequiredService<AgentStore>();
        var token = Guid.Parse(server.Agent.AuthToken);
        var known = await agents.FindReporterAsync(token);
        Assert.NotNull(known);

        var buffer = server.Services.GetRequiredService<StatsBuffer>();
        buffer.Add(known.Id, new AgentReport { RxBytes = 1, Protocols = new Dictionary<string, long> { ["TCP"] = 1 } });
        await buffer.StoreAsync();
        Assert.Equal(1, server.Count("SELECT count(*) FROM agent_stats"));
        Assert.Same(known, await agents.FindReporterAsync(token));

        Assert.Equal(200, (await server.PatchLogsAsync("a line")).Status);
        Assert.Equal(201, (await server.SendAsAgentAsync(
            HttpMethod.Post, "/api/v2/workspaceagents/me/log-source", new { id = Guid.NewGuid(), display_name = "x", icon = "" })).Status);
        Assert.Same(known, await agents.FindReporterAsync(token));

        await MakeAsync(server.Database, [Guid.NewGuid()]);
        for (var i = 0; i < 2000; i++)
        {
            Assert.Null(await agents.FindReporterAsync(Guid.NewGuid()));
        }

        Assert.Same(known, await agents.FindReporterAsync(token));
    }

    [Fact]
    public async Task ThousandsAreKnownAtOnceUntilATokenIsWithdrawn()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory, time: new ManualTimeProvider());
        await server.ListeningAsync();
        var agents = server.Services.GetRequiredService<AgentStore>();
        var tokens = Enumerable.Range(0, 5000).Select(static _ => Guid.NewGuid()).ToArray();
        var ids = await MakeAsync(server.Database, tokens);
        var known = await FindAllAsync(agents, tokens);
        Assert.Equal(ids, known.Select(static reporter => reporter!.Id));
        Assert.All((await FindAllAsync(agents, tokens)).Zip(known), static pair => Assert.Same(pair.Second, pair.First));

        await server.Database.WriteAsync(
            connection => connection.Execute("DELETE FROM workspace_agents WHERE id = @id", ("@id", ids[0])),
            TestContext.Current.CancellationToken);
        server.Services.GetRequiredService<AccessSignals>().Changed();
        Assert.Null(await agents.FindReporterAsync(tokens[0]));
        var again = await agents.FindReporterAsync(tokens[1]);
        Assert.Equal(known[1], again);
        Assert.NotSame(known[1], again);
    }

    [Fact]
    public async Task ATokenThatWasUnknownIsKnownOnceItIsGiven()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        var agents = server.Services.GetRequiredService<AgentStore>();
        var token = Guid.NewGuid();
        Assert.Null(await agents.FindReporterAsync(token));
        var made = await MakeAsync(server.Database, [token]);
        Assert.Equal(made[0], (await agents.FindReporterAsync(token))?.Id);
    }

    [Fact]
    public async Task TokensThatChangeAllTheTimeAreGoodUntilTheirChangeIsTold()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        var agents = server.Services.GetRequiredService<AgentStore>();
        var access = server.Services.GetRequiredService<AccessSignals>();
        var tokens = Enumerable.Range(0, 4).Select(static _ => Guid.NewGuid()).ToArray();
        var ids = await MakeAsync(server.Database, tokens);
        var done = false;

        // Other tasks look up the tokens all the time, so the cache has entries at any moment of a change.
        var asking = Enumerable.Range(0, 2).Select(worker => Task.Run(
            async () =>
            {
                for (var i = worker; !Volatile.Read(ref done); i++)
                {
                    Guid token;
                    lock (tokens)
                    {
                        token = tokens[i % tokens.Length];
                    }

                    var found = (await agents.FindReporterAsync(token))?.Id;
                    Assert.True(found is null || found == ids[i % tokens.Length]);
                }
            },
            TestContext.Current.CancellationToken)).ToArray();
        try
        {
            await Task.WhenAll(ids.Select((id, index) => ChangeAsync(id, index)))
                .WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);
        }
        finally
        {
            Volatile.Write(ref done, true);
        }

        await Task.WhenAll(asking).WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);

        async Task ChangeAsync(Guid id, int index)
        {
            for (var i = 0; i < 25; i++)
            {
                var (old, fresh) = (tokens[index], Guid.NewGuid());
                Assert.Equal(id, (await agents.FindReporterAsync(old))?.Id);
                await server.Database.WriteAsync(
                    connection => connection.Execute(
                        "UPDATE workspace_agents SET hashed_auth_token = @hash WHERE id = @id", ("@hash", Secrets.Hash(fresh)),
                        ("@id", id)),
                    TestContext.Current.CancellationToken);
                access.Changed();
                Assert.Null(await agents.FindReporterAsync(old));
                Assert.Equal(id, (await agents.FindReporterAsync(fresh))?.Id);
                lock (tokens)
                {
                    tokens[index] = fresh;
                }
            }
        }
    }

    /// <summary>Agents of the first agent's workspace with these tokens.</summary>
    internal static async Task<Guid[]> MakeAsync(Database database, IReadOnlyList<Guid> tokens)
    {
        var made = tokens.Select(static token => (Token: token, Id: Guid.NewGuid())).ToArray();
        await database.WriteAsync(
            connection =>
            {
                connection.ExecuteEach(
                    """
                    INSERT INTO workspace_agents (id, workspace_id, resource_id, name, hashed_auth_token, created_at, updated_at)
                    SELECT @id, (SELECT id FROM workspaces), @id, @id, @hash, 0, 0
                    """,
                    made,
                    static one => [("@id", one.Id), ("@hash", Secrets.Hash(one.Token))]);
                return true;
            },
            TestContext.Current.CancellationToken);
        return [.. made.Select(static one => one.Id)];
    }

    private static async Task<Reporter?[]> FindAllAsync(AgentStore agents, Guid[] tokens)
    {
        var found = new Reporter?[tokens.Length];
        for (var i = 0; i < tokens.Length; i++)
        {
            found[i] = await agents.FindReporterAsync(tokens[i]);
        }

        return found;
    }
}
