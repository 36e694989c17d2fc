using ControlPlane.Agents;
using ControlPlane.Statistics;
using ControlPlane.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests;

/// <summary>When agents are known by their tokens without a query, which is so on SQLite alone: what is kept is the same object.</summary>
public sealed class SqliteReporterTests : IDisposable
{
    private readonly string _directory = ApiServer.NewDirectory();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task NeitherStatisticsNorLogLinesNorNewAgentsNorUnknownTokensMakeAQueryOfAKnownToken()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        var agents = server.Services.GetRequiredService<AgentStore>();
        var token = Guid.Parse(server.Agent.AuthToken);
        var known = agents.FindReporter(token);
        Assert.NotNull(known);

        var buffer = server.Services.GetRequiredService<StatsBuffer>();
        buffer.Add(known.Id, new AgentReport { RxBytes = 1, Protocols = new Dictionary<string, long> { ["TCP"] = 1 } });
        await buffer.StoreAsync();
        Assert.Equal(1, server.Count("SELECT count(*) FROM agent_stats"));
        Assert.Same(known, agents.FindReporter(token));

        Assert.Equal(200, (await server.PatchLogsAsync("a line")).Status);
        Assert.Equal(201, (await server.SendAsAgentAsync(
            HttpMethod.Post, "/api/v2/workspaceagents/me/log-source", new { id = Guid.NewGuid(), display_name = "x", icon = "" })).Status);
        Assert.Same(known, agents.FindReporter(token));

        await ReporterTests.MakeAsync(server.Database, [Guid.NewGuid()]);
        Assert.Same(known, agents.FindReporter(token));

        for (var i = 0; i < 2000; i++)
        {
            Assert.Null(agents.FindReporter(Guid.NewGuid()));
        }

        Assert.Same(known, agents.FindReporter(token));
    }

    [Fact]
    public async Task ThousandsAreKnownAtOnceUntilOneOfThemGoes()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        var agents = server.Services.GetRequiredService<AgentStore>();
        var tokens = Enumerable.Range(0, 5000).Select(static _ => Guid.NewGuid()).ToArray();
        var ids = await ReporterTests.MakeAsync(server.Database, tokens);
        var known = tokens.Select(agents.FindReporter).ToArray();
        Assert.Equal(ids, known.Select(static reporter => reporter!.Id));
        Assert.All(tokens.Zip(known), pair => Assert.Same(pair.Second, agents.FindReporter(pair.First)));

        await server.Database.WriteAsync(
            connection => connection.Execute("DELETE FROM workspace_agents WHERE id = @id", ("@id", ids[0])), TestContext.Current.CancellationToken);
        Assert.Null(agents.FindReporter(tokens[0]));
        var again = agents.FindReporter(tokens[1]);
        Assert.Equal(known[1], again);
        Assert.NotSame(known[1], again);
    }

    [Theory]
    [InlineData("UPDATE workspace_agents SET hashed_auth_token = @hash", true)]
    [InlineData("UPDATE workspace_agents SET updated_at = 1, logs_length = 2, last_connected_at = 3", false)]
    [InlineData("DELETE FROM workspace_agents", true)]
    [InlineData("DELETE FROM workspaces", true)]
    [InlineData("DELETE FROM instance_bindings", true)]
    [InlineData("DELETE FROM instance_tokens", true)]
    [InlineData("UPDATE instance_tokens SET hashed_token = @hash", true)]
    [InlineData("UPDATE instance_tokens SET created_at = 1", false)]
    [InlineData("DELETE FROM api_keys", false)]
    public async Task ADatabaseOfAnOlderProgramMarksFromItsNextStartWhatTakesTokensAway(string change, bool takes)
    {
        using var engine = new SqliteEngine(new ControlPlaneOptions { DataDirectory = _directory });
        engine.Prepare();
        await using var connection = engine.Rent();
        await Migrations.ApplyAsync(engine, connection, [.. Migrations.All.TakeWhile(static step => step != AgentTokenSchema.Sql)]);
        connection.Execute(
            """
            INSERT INTO organizations (id, name, created_at) VALUES ('o', 'o', 0);
            INSERT INTO users (id, username, name, email, created_at, updated_at, last_seen_at, status, login_type) VALUES ('u', 'u', '', '', 0, 0, 0, 'active', 'token');
            INSERT INTO api_keys (id, hashed_secret, user_id, created_at, last_used_at) VALUES ('k', @hash, 'u', 0, 0);
            INSERT INTO workspaces (id, owner_id, organization_id, name, created_at, updated_at) VALUES ('w', 'u', 'o', 'w', 0, 0);
            INSERT INTO workspace_agents (id, workspace_id, resource_id, name, hashed_auth_token, created_at, updated_at) VALUES ('a', 'w', 'r', 'a', @hash, 0, 0);
            INSERT INTO instance_bindings (agent_id, cloud, instance_id, created_at) VALUES ('a', 'aws', 'i', 0);
            INSERT INTO instance_tokens (hashed_token, agent_id, created_at) VALUES (@hash, 'a', 0);
            """,
            ("@hash", new byte[1]));
        await Migrations.ApplyAsync(engine, connection, Migrations.All);

        var (mark, version) = (engine.AgentTokenMark(), engine.ChangeMark());
        Assert.NotNull(mark);
        Assert.Equal(mark, engine.AgentTokenMark());
        connection.Execute(change, ("@hash", new byte[2]));
        Assert.Equal(takes, engine.AgentTokenMark() != mark);

        // One question does not take away what another is to be told.
        Assert.NotEqual(version, engine.ChangeMark());
    }

    [Fact]
    public async Task ATransactionThatIsGivenUpMarksNothing()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        var mark = server.Database.Engine.AgentTokenMark();
        await Assert.ThrowsAsync<InvalidOperationException>(() => server.Database.WriteAsync<int>(
            static connection =>
            {
                connection.Execute("DELETE FROM workspace_agents");
                throw new InvalidOperationException();
            },
            TestContext.Current.CancellationToken));
        Assert.Equal(mark, server.Database.Engine.AgentTokenMark());
    }
}
