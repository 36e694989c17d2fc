using ControlPlane.Storage;
using Microsoft.Data.Sqlite;

namespace ControlPlane.Tests;

/// <summary>Failures of the database file under a running server, as its health and its log report them.</summary>
public sealed class SqliteHealthTests : IDisposable
{
    private const string Gone = "the database file was deleted or moved";

    private readonly string _directory = ApiServer.NewDirectory();

    private string DatabaseFile => Path.Combine(_directory, SqliteEngine.FileName);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task NothingIsAcknowledgedOnceTheDataDirectoryIsDeleted()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        Assert.Equal(200, (await server.PatchLogsAsync("kept")).Status);

        Directory.Delete(_directory, recursive: true);

        Assert.Equal(503, (await server.PatchLogsAsync("lost")).Status);
        var health = await server.GetAsync("/healthz");
        Assert.Equal((503, Gone), (health.Status, health.Body));
        Assert.Equal(503, (await server.GetAsUserAsync("/api/v2/users/me")).Status);
        Directory.CreateDirectory(_directory);
        Assert.Equal(503, (await server.PatchLogsAsync("lost")).Status);
        Assert.Equal(503, (await server.GetAsync("/healthz")).Status);
    }

    [Fact]
    public async Task HealthNoticesADeletedFileThoughNobodyWrites()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        Assert.Equal(200, (await server.GetAsync("/healthz")).Status);

        File.Delete(DatabaseFile);

        Assert.Equal((503, Gone), ((await server.GetAsync("/healthz")) is var health ? (health.Status, health.Body) : default));
    }

    [Fact]
    public async Task LossAndRecoveryAreOneLineEachHoweverManyRequestsFail()
    {
        using var log = new CapturedLog();
        await using var server = await ApiServer.StartAsync(directory: _directory, log: log);
        var away = _directory + ".away";
        Directory.Move(_directory, away);
        for (var i = 0; i < 50; i++)
        {
            Assert.Equal(503, (await server.PatchLogsAsync("x")).Status);
        }

        Directory.Move(away, _directory);

        // The server checks the file by itself, without a request.
        await Eventually.TrueAsync(() => Lines(log).Length == 2, "the recovery is logged");
        Assert.Equal((200, "OK"), (await server.GetAsync("/healthz")) is var health ? (health.Status, health.Body) : default);
        Assert.Equal(200, (await server.PatchLogsAsync("y")).Status);
        Assert.Collection(
            Lines(log),
            lost => Assert.StartsWith(
                $"Error ControlPlane.Storage.DatabaseHealth: Requests fail: {Gone} (",
                lost,
                StringComparison.Ordinal),
            back => Assert.Matches(@"^Information .* serves requests again, after \d+\.\d s; \d+ operations failed\.", back));
        Assert.DoesNotContain(
            log.Lines,
            static line => line.Contains("Exception", StringComparison.Ordinal) && line.Contains("   at ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AFileInTheOldOnesPlaceIsReadAfresh()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        await server.PatchLogsAsync("before");
        Assert.Equal(200, (await server.GetAsUserAsync("/api/v2/users/me")).Status);
        var copy = Path.Combine(_directory, "copy.db");
        server.Execute($"VACUUM INTO '{copy}'");
        await server.PatchLogsAsync("after");

        File.Move(copy, DatabaseFile, overwrite: true);
        File.Delete(DatabaseFile + "-wal");
        File.Delete(DatabaseFile + "-shm");
        await server.GetAsync("/healthz");

        Assert.Equal(200, (await server.GetAsync("/healthz")).Status);
        Assert.Equal(200, (await server.PatchLogsAsync("new")).Status);
        var lines = (await server.GetAsUserAsync(server.AgentPath + "/logs")).Json.EnumerateArray()
            .Select(static line => line.GetProperty("output").GetString());
        Assert.Equal(["before", "new"], lines);
    }

    [Fact]
    public async Task AnotherProcessThatWritesIsNoFault()
    {
        await using var server = await ApiServer.StartAsync(directory: _directory);
        await using var other = new SqliteConnection($"Data Source={DatabaseFile};Pooling=False");
        await other.OpenAsync(TestContext.Current.CancellationToken);
        await using var transaction = other.BeginTransaction(deferred: false);

        Assert.Equal(200, (await server.GetAsync("/healthz")).Status);
    }

    private static string[] Lines(CapturedLog log) =>
        [.. log.Lines.Where(static line => line.Contains(nameof(DatabaseHealth), StringComparison.Ordinal))];
}
