using System.Text;
using ControlPlane.Storage;

namespace ControlPlane.Tests;

/// <summary>Behaviour of SQLite only. All other tests run on PostgreSQL too.</summary>
public sealed class SqliteTests : IDisposable
{
    private readonly string _directory = ApiServer.NewDirectory();

    private string File => Path.Combine(_directory, SqliteEngine.FileName);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task HealthFollowsTheFile()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        Assert.Equal(200, (await server.GetAsync("/healthz")).Status);
        Lose(server);
        Assert.Equal(503, (await server.GetAsync("/healthz")).Status);
    }

    [Fact]
    public async Task TroubleWithTheDatabaseIsTransientToClients()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        Lose(server);
        var answer = await server.GetAsUserAsync("/api/v2/users/me");
        Assert.Equal(503, answer.Status);
        Assert.Equal("1", answer.Headers["Retry-After"]);
        Assert.NotNull(answer.Message);
        Assert.Equal(503, (await server.PatchLogsAsync("x")).Status);
    }

    [Fact]
    public async Task NoTokenIsInTheDataDirectoryInClearAndOnlyTheOwnerCanReadIt()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        await server.GetAsUserAsync("/api/v2/users/me");
        await server.PatchLogsAsync("hello");
        var files = Directory.GetFiles(_directory, SqliteEngine.FileName + "*");
        Assert.NotEmpty(files);
        foreach (var file in files)
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var content = new byte[stream.Length];
            await stream.ReadExactlyAsync(content, TestContext.Current.CancellationToken);
            foreach (var secret in new[] { server.Credentials!.SessionToken.Split('-')[1], server.Agent.AuthToken })
            {
                Assert.Equal(-1, content.AsSpan().IndexOf(Encoding.UTF8.GetBytes(secret)));
            }

            Assert.Equal(-1, content.AsSpan().IndexOf(Guid.Parse(server.Agent.AuthToken).ToByteArray(bigEndian: true)));
            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(file));
            }
        }
    }

    [Fact]
    public async Task WhatIsKeptIsReadAgainAfterAnyWriteOfAnyProcess()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        using var another = new Database(new SqliteEngine(new ControlPlaneOptions { DataDirectory = _directory }));
        var reads = 0;
        var kept = new ReadThroughCache<string, string>(
            server.Database,
            TimeProvider.System,
            (connection, key) =>
            {
                reads++;
                return connection.FirstAsync(
                    "SELECT username FROM users WHERE login_type <> @key", static reader => reader.Text("username"), ("@key", key));
            },
            server.Database.Engine.DataVersion);
        var before = await kept.GetAsync("x");
        Assert.Equal(before, await kept.GetAsync("x"));
        Assert.Equal(1, reads);
        foreach (var writer in new[] { server.Database, another })
        {
            await writer.WriteAsync(
                connection => connection.Execute("UPDATE users SET username = username || 'y'"), TestContext.Current.CancellationToken);
            before += "y";
            Assert.Equal(before, await kept.GetAsync("x"));
            Assert.Equal(before, await kept.GetAsync("x"));
        }

        Assert.Equal(3, reads);
    }

    [Fact]
    public async Task AnAgentThatAnotherProcessChangesIsShownSoAtOnce()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        using var another = new Database(new SqliteEngine(new ControlPlaneOptions { DataDirectory = _directory }));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(200, (await server.GetAsUserAsync(server.AgentPath)).Status);
        }

        await another.WriteAsync(
            connection => connection.Execute("UPDATE workspace_agents SET directory = '/elsewhere'"),
            TestContext.Current.CancellationToken);
        Assert.Equal("/elsewhere", (await server.GetAsUserAsync(server.AgentPath)).Json.GetProperty("directory").GetString());
        await another.WriteAsync(connection => connection.Execute("DELETE FROM workspace_agents"), TestContext.Current.CancellationToken);
        Assert.Equal(404, (await server.GetAsUserAsync(server.AgentPath)).Status);
    }

    [Fact]
    public async Task MoreReadersThanIdleConnectionsAreServedAndLeaveNoMoreThanThese()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        var engine = server.Database.Engine;
        for (var round = 0; round < 3; round++)
        {
            var rented = Enumerable.Range(0, 40).Select(_ => engine.Rent()).ToArray();
            Assert.All(rented, engine.Return);
            Assert.Equal(16, rented.Count(static connection => connection.State == System.Data.ConnectionState.Open));
        }
    }

    [Fact]
    public async Task AFileThatIsNoDatabaseIsRefusedByName()
    {
        await System.IO.File.WriteAllTextAsync(File, new string('x', 8192), TestContext.Current.CancellationToken);
        await using var server = await ApiServer.StartAsync(directory: _directory, initialise: false);
        var refusal = await Assert.ThrowsAsync<ControlPlaneException>(() => ApiServer.InitializeAsync(server.Services));
        Assert.Contains(File, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AMissingDirectoryIsRefused()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory + "/none" }, initialise: false);
        await Assert.ThrowsAsync<ControlPlaneException>(() => ApiServer.InitializeAsync(server.Services));
    }

    private void Lose(ApiServer server)
    {
        System.IO.File.Move(File, File + ".gone");
        server.Database.Engine.CloseIdleConnections();
    }
}
