using System.Data.Common;
using ControlPlane.Storage;

namespace ControlPlane.Tests;

public sealed class BootstrapTests : IDisposable
{
    private readonly string _directory = ApiServer.NewDirectory();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task TheFirstStartMakesAUserAndAnAgentAndTheSecondDoesNot()
    {
        await using (var first = await ApiServer.StartAsync(directory: _directory))
        {
            Assert.Matches("^[A-Za-z0-9]{10}-[A-Za-z0-9]{22}$", first.Credentials!.SessionToken);
            Assert.Equal("main", first.Agent.Name);
            Assert.Matches("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", first.Agent.AuthToken);
        }

        await using var second = await ApiServer.StartAsync(directory: _directory);
        Assert.Null(second.Credentials);
        Assert.Equal(1, second.Count("SELECT count(*) FROM users"));
    }

    [Fact]
    public async Task TokensStayValidOverARestart()
    {
        BootstrapCredentials credentials;
        string deployment;
        await using (var first = await ApiServer.StartAsync(directory: _directory))
        {
            credentials = first.Credentials!;
            deployment = (await first.GetAsync("/api/v2/buildinfo")).Text("deployment_id")!;
        }

        await using var second = await ApiServer.StartAsync(directory: _directory);
        Assert.Equal(200, (await second.GetAsync("/api/v2/users/me", credentials.SessionToken)).Status);
        Assert.Equal(200, (await second.GetAsync("/api/v2/workspaceagents/me/gitsshkey", credentials.Agents[0].AuthToken)).Status);
        Assert.Equal(deployment, (await second.GetAsync("/api/v2/buildinfo")).Text("deployment_id"));
    }

    [Fact]
    public async Task APublisherThatFailsLeavesNoUserAndTheNextStartPublishesAgain()
    {
        await using (var server = await ApiServer.StartAsync(directory: _directory, initialise: false))
        {
            await Assert.ThrowsAsync<IOException>(() => ControlPlaneApplication.InitializeAsync(
                server.Services, static (_, _) => throw new IOException("disk full"), TestContext.Current.CancellationToken));
            Assert.Equal(0, server.Count("SELECT count(*) FROM users"));
            Assert.Equal(0, server.Count("SELECT count(*) FROM workspace_agents"));
        }

        await using var second = await ApiServer.StartAsync(directory: _directory);
        Assert.NotNull(second.Credentials);
    }

    [Fact]
    public async Task TokensArePublishedBeforeTheyAreCommitted()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory, initialise: false);
        BootstrapCredentials? published = null;
        var returned = await ControlPlaneApplication.InitializeAsync(
            server.Services,
            (credentials, _) =>
            {
                // Another connection sees what is committed.
                Assert.Equal(0, server.Count("SELECT count(*) FROM users"));
                published = credentials;
                return Task.CompletedTask;
            },
            TestContext.Current.CancellationToken);
        Assert.Same(published, returned);
        Assert.Equal(1, server.Count("SELECT count(*) FROM users"));
    }

    [Fact]
    public async Task ManyHostsThatStartOnOneDirectoryAtOnceMakeOneUser()
    {
        var servers = await Task.WhenAll(
            Enumerable.Range(0, 6).Select(_ => ApiServer.StartAsync(directory: _directory, initialise: false)));
        try
        {
            var made = await Task.WhenAll(servers.Select(static server => Task.Run(() => ApiServer.InitializeAsync(server.Services))));
            var credentials = Assert.Single(made, static credentials => credentials is not null);
            foreach (var server in servers)
            {
                Assert.Equal(200, (await server.GetAsync("/api/v2/users/me", credentials!.SessionToken)).Status);
            }

            // All of them write too.
            var patches = servers.Select(server => server.SendAsync(
                HttpMethod.Patch, "/api/v2/workspaceagents/me/logs", credentials!.Agents[0].AuthToken,
                new { logs = new[] { new { output = "x" } } }));
            Assert.All(await Task.WhenAll(patches), static answer => Assert.Equal(200, answer.Status));
            Assert.Equal(servers.Length, servers[0].Count("SELECT count(*) FROM agent_logs"));
        }
        finally
        {
            foreach (var server in servers)
            {
                await server.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task ADatabaseOfANewerProgramIsRefusedAndLeftAlone()
    {
        await using (var server = await ApiServer.StartAsync(directory: _directory))
        {
            server.Database.Read(connection =>
            {
                server.Database.Engine.SetVersion(connection, 4711);
                return true;
            });
        }

        await using var older = await ApiServer.StartAsync(directory: _directory, initialise: false);
        var refusal = await Assert.ThrowsAsync<ControlPlaneException>(() => ApiServer.InitializeAsync(older.Services));
        Assert.Contains("4711", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(4711, older.Database.Read(older.Database.Engine.VersionOf));
        Assert.Equal(503, (await older.GetAsync("/healthz")).Status);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    public async Task ADatabaseOfABuildBeforeTheFirstReleaseIsRefusedInOneLineAndLeftAlone(long version)
    {
        using var engine = TestDatabase.EngineFor(new ControlPlaneOptions { DataDirectory = _directory });
        engine.Prepare();
        await using (var connection = engine.Rent())
        {
            connection.Execute("CREATE TABLE deployment (id INTEGER)");
            engine.SetVersion(connection, version);
        }

        await using var server = await ApiServer.StartAsync(directory: _directory, initialise: false);
        var refusal = await Assert.ThrowsAsync<ControlPlaneException>(() => ApiServer.InitializeAsync(server.Services));
        Assert.Contains($"schema version {version}, of a build before the first release", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(engine.Name, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
        Assert.Equal(version, server.Database.Read(engine.VersionOf));
    }

    [Fact]
    public async Task AMigrationThatFailsLeavesTheVersionBeforeIt()
    {
        using var engine = TestDatabase.EngineFor(new ControlPlaneOptions { DataDirectory = _directory });
        engine.Prepare();
        await using var connection = engine.Rent();
        await Assert.ThrowsAnyAsync<DbException>(() => Migrations.ApplyAsync(
            engine, connection, ["CREATE TABLE a (x INTEGER)", "CREATE TABLE b (x INTEGER); CREATE TABLE a (x INTEGER)"]));
        Assert.Equal(Migrations.BaseVersion + 1, engine.VersionOf(connection));
        Assert.ThrowsAny<DbException>(() => connection.Count("SELECT count(*) FROM b"));

        await Migrations.ApplyAsync(engine, connection, ["CREATE TABLE a (x INTEGER)", "CREATE TABLE b (x INTEGER)"]);
        Assert.Equal(Migrations.BaseVersion + 2, engine.VersionOf(connection));
        Assert.Equal(0, connection.Count("SELECT count(*) FROM b"));
    }
}
