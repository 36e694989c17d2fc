using ControlPlane.Agents;
using ControlPlane.Http;
using ControlPlane.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests;

/// <summary>Agents that report are known by their tokens for as long as these are good, and not for one request longer.</summary>
public sealed class ReporterTests : IDisposable
{
    private const string Path = "/api/v2/workspaceagents/me/report-stats";

    private readonly string _directory = ApiServer.NewDirectory();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("UPDATE workspace_agents SET hashed_auth_token = @other", true, false)]
    [InlineData("DELETE FROM workspace_agents", true, true)]
    [InlineData("DELETE FROM workspaces", true, true)]
    [InlineData("DELETE FROM instance_bindings", false, true)]
    [InlineData("DELETE FROM instance_tokens", false, true)]
    [InlineData("UPDATE instance_tokens SET hashed_token = @other", false, true)]
    public async Task ATokenThatIsTakenAwayIsRefusedByTheNextRequest(string change, bool takesOwn, bool takesInstance)
    {
        foreach (var byAnother in new[] { false, true })
        {
            var directory = Directory.CreateDirectory($"{_directory}/{byAnother}").FullName;
            await using var server = await ApiServer.StartAsync(directory: directory);
            using var another = new Database(TestDatabase.EngineFor(new ControlPlaneOptions { DataDirectory = directory }));
            var instance = Guid.NewGuid();
            await GiveAsync(server.Database, server.Agent.Id, instance);
            for (var i = 0; i < 3; i++)
            {
                Assert.Equal(200, await ReportAsync(server, server.Agent.AuthToken));
                Assert.Equal(200, await ReportAsync(server, instance.ToString()));
            }

            await (byAnother ? another : server.Database).WriteAsync(
                connection => connection.Execute(change, ("@other", Secrets.Hash(Guid.NewGuid()))), TestContext.Current.CancellationToken);
            Assert.Equal(takesOwn ? 401 : 200, await ReportAsync(server, server.Agent.AuthToken));
            Assert.Equal(takesInstance ? 401 : 200, await ReportAsync(server, instance.ToString()));
        }
    }

    [Fact]
    public async Task ATokenThatIsGivenToAnotherAgentIsThatAgents()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        var agents = server.Services.GetRequiredService<AgentStore>();
        var token = Guid.NewGuid();
        var others = await MakeAsync(server.Database, [Guid.NewGuid()]);
        await GiveAsync(server.Database, server.Agent.Id, token);
        Assert.Equal(server.Agent.Id, agents.FindReporter(token)?.Id);
        await GiveAsync(server.Database, others[0], Guid.NewGuid());
        await server.Database.WriteAsync(
            connection => connection.Execute("UPDATE instance_tokens SET agent_id = @agent", ("@agent", others[0])), TestContext.Current.CancellationToken);
        Assert.Equal(others[0], agents.FindReporter(token)?.Id);
    }

    [Fact]
    public async Task ATokenThatWasUnknownIsKnownOnceItIsGiven()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        var agents = server.Services.GetRequiredService<AgentStore>();
        var token = Guid.NewGuid();
        Assert.Null(agents.FindReporter(token));
        var made = await MakeAsync(server.Database, [token]);
        Assert.Equal(made[0], agents.FindReporter(token)?.Id);
    }

    [Fact]
    public async Task TokensThatChangeAllTheTimeAreGoodExactlyAsLongAsTheyAreStored()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        using var another = new Database(TestDatabase.EngineFor(new ControlPlaneOptions { DataDirectory = _directory }));
        var agents = server.Services.GetRequiredService<AgentStore>();
        var tokens = Enumerable.Range(0, 4).Select(static _ => Guid.NewGuid()).ToArray();
        var ids = await MakeAsync(server.Database, tokens);
        var done = false;

        // Others ask for whatever is good now, so that it is kept at any moment of a change.
        var asking = Enumerable.Range(0, 2).Select(worker => Task.Run(
            () =>
            {
                for (var i = worker; !Volatile.Read(ref done); i++)
                {
                    Guid token;
                    lock (tokens)
                    {
                        token = tokens[i % tokens.Length];
                    }

                    var found = agents.FindReporter(token)?.Id;
                    Assert.True(found is null || found == ids[i % tokens.Length]);
                }
            },
            TestContext.Current.CancellationToken)).ToArray();
        try
        {
            await Task.WhenAll(ids.Select((id, index) => ChangeAsync(id, index))).WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);
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
                Assert.Equal(id, agents.FindReporter(old)?.Id);
                await (i % 2 == 0 ? another : server.Database).WriteAsync(
                    connection => connection.Execute(
                        "UPDATE workspace_agents SET hashed_auth_token = @hash WHERE id = @id", ("@hash", Secrets.Hash(fresh)), ("@id", id)),
                    TestContext.Current.CancellationToken);
                Assert.Null(agents.FindReporter(old));
                Assert.Equal(id, agents.FindReporter(fresh)?.Id);
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

    /// <summary>A token for an instance that stands for the agent.</summary>
    private static Task<int> GiveAsync(Database database, Guid agentId, Guid token) => database.WriteAsync(
        connection =>
        {
            connection.Execute(
                "INSERT INTO instance_bindings (agent_id, cloud, instance_id, created_at) VALUES (@agent, 'aws', 'i', 0)", ("@agent", agentId));
            return connection.Execute(
                "INSERT INTO instance_tokens (hashed_token, agent_id, created_at) VALUES (@hash, @agent, 0)",
                ("@hash", Secrets.Hash(token)),
                ("@agent", agentId));
        },
        TestContext.Current.CancellationToken);

    private static async Task<int> ReportAsync(ApiServer server, string token) =>
        (await server.SendAsync(HttpMethod.Post, Path, token, "{}")).Status;
}
