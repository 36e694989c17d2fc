using System.Data.Common;
using ControlPlane.Storage;

namespace ControlPlane.Tests;

public sealed class WriteQueueTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    private Database Database => _server.Database;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task WritesThatWaitShareOneTransaction()
    {
        var writes = await WhileTheWriterIsBusyAsync(() => Enumerable.Range(0, 10).Select(i => Database.WriteAsync(
            connection =>
            {
                Insert(connection, i);
                return (Inside: Count(connection), Outside: Database.Read(Count));
            },
            TestContext.Current.CancellationToken)).ToArray());

        // Each sees those before it, while nobody else sees any.
        var seen = await Task.WhenAll(writes).WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(Enumerable.Range(1, 10).Select(static count => ((long)count, 0L)), seen);
        Assert.Equal(10, Database.Read(Count));
    }

    [Fact]
    public async Task AWriteThatFailsTakesNoOtherWithIt()
    {
        var writes = await WhileTheWriterIsBusyAsync(() => Enumerable.Range(0, 10).Select(i => Database.WriteAsync(
            connection =>
            {
                Insert(connection, i);
                return i switch
                {
                    3 => throw new InvalidOperationException("3"),
                    5 => connection.Execute("INSERT INTO no_such_table VALUES (1)"),
                    _ => i,
                };
            },
            TestContext.Current.CancellationToken)).ToArray());

        for (var i = 0; i < writes.Length; i++)
        {
            var write = writes[i].WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);
            if (i == 3)
            {
                Assert.Equal("3", (await Assert.ThrowsAsync<InvalidOperationException>(() => write)).Message);
            }
            else if (i == 5)
            {
                await Assert.ThrowsAnyAsync<DbException>(() => write);
            }
            else
            {
                Assert.Equal(i, await write);
            }
        }

        Assert.Equal(8, Database.Read(Count));
    }

    [Fact]
    public async Task AWriteThatIsGivenUpBeforeItsTurnNeverRuns()
    {
        using var given = new CancellationTokenSource();
        var writes = await WhileTheWriterIsBusyAsync(() =>
        {
            Task<int>[] waiting =
            [
                Database.WriteAsync(connection => Insert(connection, 1), given.Token),
                Database.WriteAsync(connection => Insert(connection, 2), TestContext.Current.CancellationToken),
            ];
            given.Cancel();
            return waiting;
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writes[0]);
        Assert.Equal(1, await writes[1].WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken));
        Assert.Equal(1, Database.Read(Count));
    }

    [Fact]
    public async Task ConcurrentLogLinesAreAllStoredOnce()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => _server.PatchLogsAsync($"{i}-a", $"{i}-b")));
        Assert.All(answers, static answer => Assert.Equal(200, answer.Status));
        Assert.Equal(200, _server.Count("SELECT count(DISTINCT output) FROM agent_logs"));
        Assert.Equal(200, _server.Count("SELECT logs_lines FROM workspace_agents"));
    }

    [Fact]
    public async Task WhatTwoServersReadAndWriteBackIsNeverLost()
    {
        await using var other = await ApiServer.StartAsync(directory: _server.Directory);
        var writes = Enumerable.Range(0, 60).Select(i => Task.Run(() => (i % 2 == 0 ? _server : other).Database.WriteAsync(
            static connection =>
            {
                var lines = connection.Count("SELECT logs_lines FROM workspace_agents");
                return connection.Execute("UPDATE workspace_agents SET logs_lines = @lines", ("@lines", lines + 1));
            },
            TestContext.Current.CancellationToken)));
        Assert.All(await Task.WhenAll(writes), static changed => Assert.Equal(1, changed));
        Assert.Equal(60, _server.Count("SELECT logs_lines FROM workspace_agents"));
    }

    private static int Insert(DbConnection connection, int i) =>
        connection.Execute(
            "INSERT INTO organizations (id, name, created_at) VALUES (@id, @name, 0)", ("@id", Guid.NewGuid()), ("@name", $"test-{i}"));

    private static long Count(DbConnection connection) => connection.Count("SELECT count(*) FROM organizations WHERE created_at = 0");

    /// <summary>Queues writes behind one that does not end before they all wait.</summary>
    private async Task<Task<T>[]> WhileTheWriterIsBusyAsync<T>(Func<Task<T>[]> queue)
    {
        using var mayEnd = new ManualResetEventSlim();
        var busy = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var first = Database.WriteAsync(
            _ =>
            {
                busy.TrySetResult();
                return mayEnd.Wait(ApiServer.Patience);
            },
            TestContext.Current.CancellationToken);
        await busy.Task.WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);
        var queued = queue();
        mayEnd.Set();
        Assert.True(await first.WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken));
        return queued;
    }
}
