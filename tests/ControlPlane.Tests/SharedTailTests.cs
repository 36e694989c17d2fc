using System.Text;
using ControlPlane.Logs;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests;

/// <summary>Followers of one agent's log share one reader of the store.</summary>
public sealed class SharedTailTests
{
    private const int Followers = 1_000;

    [Fact]
    public async Task AThousandFollowersCostOneReadOfTheStoreForEachBatch()
    {
        await using var server = await ApiServer.StartAsync();
        await server.ListeningAsync();
        var store = server.Services.GetRequiredService<LogStore>();
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, Followers).Select(_ => new Reader()).ToArray();
        var following = readers.Select(reader => reader.FollowAsync(server, 0, long.MaxValue, stop.Token)).ToArray();
        await Task.WhenAll(readers.Select(static reader => reader.ReceivedAsync("[]\n"))).WaitAsync(ApiServer.Patience);

        // The shared reader's first query may come late.
        await Eventually.TrueAsync(() => store.PageReads > Followers, "the shared reader has looked");
        var before = store.PageReads;
        const int batches = 10;
        for (var batch = 0; batch < batches; batch++)
        {
            Assert.Equal(200, (await server.PatchLogsAsync($"a{batch}", $"b{batch}")).Status);
            await Task.WhenAll(readers.Select(reader => reader.ReceivedAsync($"\"b{batch}\""))).WaitAsync(ApiServer.Patience);
        }

        Assert.InRange(store.PageReads - before, 1, batches);
        Assert.All(readers, static reader => Assert.Equal(1 + batches, reader.Messages));
        Assert.Equal(1, server.Services.GetRequiredService<LogTails>().Count);
        await stop.CancelAsync();
        foreach (var task in following)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task.WaitAsync(ApiServer.Patience));
        }

        Assert.Equal(0, server.Services.GetRequiredService<LogTails>().Count);
    }

    // The last follower is gone, and the tail reads once more: the database is closed, and its directory may go, only after that.
    [Fact]
    public async Task TheTailsEndWithoutAReadThatIsUnderWay()
    {
        await using var server = await ApiServer.StartAsync();
        var tails = server.Services.GetRequiredService<LogTails>();
        var store = server.Services.GetRequiredService<LogStore>();
        for (var i = 0; i < 50; i++)
        {
            await tails.FollowAsync(server.Agent.Id, static _ => Task.CompletedTask);
        }

        await tails.DisposeAsync();
        var reads = store.PageReads;
        await server.PatchLogsAsync("line");
        Assert.Equal((0, reads), (tails.Count, store.PageReads));
    }

    [Fact]
    public async Task AFollowerThatFallsBehindReadsForItselfAndMissesNothing()
    {
        await using var server = await ApiServer.StartAsync();
        using var stop = new CancellationTokenSource();
        var (quick, slow) = (new Reader(), new Reader());
        var following = Task.WhenAll(
            quick.FollowAsync(server, 0, long.MaxValue, stop.Token), slow.FollowAsync(server, 0, long.MaxValue, stop.Token));
        await slow.ReceivedAsync("[]\n");
        slow.Hold();
        for (var batch = 0; batch < 30; batch++)
        {
            await server.PatchLogsAsync($"line-{batch}.");
            await quick.ReceivedAsync($"line-{batch}.");
        }

        slow.Release();
        await slow.ReceivedAsync("line-29.");
        Assert.Equal(Enumerable.Range(0, 30).Select(static batch => $"line-{batch}."), slow.Outputs());
        Assert.Equal(slow.Outputs(), quick.Outputs());
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => following.WaitAsync(ApiServer.Patience));
    }

    [Fact]
    public async Task AFollowerMayBeginInTheMiddleOfABatchOrAheadOfAll()
    {
        await using var server = await ApiServer.StartAsync();
        using var stop = new CancellationTokenSource();
        await server.PatchLogsAsync("first");
        var first = (await server.GetAsUserAsync(server.AgentPath + "/logs")).Json[0].GetProperty("id").GetInt64();
        var (all, some) = (new Reader(), new Reader());
        var following = Task.WhenAll(
            all.FollowAsync(server, 0, long.MaxValue, stop.Token), some.FollowAsync(server, first + 2, long.MaxValue, stop.Token));
        await some.ReceivedAsync("[]\n");
        await server.PatchLogsAsync("a", "b", "c");
        await all.ReceivedAsync("\"c\"");
        await some.ReceivedAsync("\"c\"");
        Assert.Equal(["first", "a", "b", "c"], all.Outputs());
        Assert.Equal(["c"], some.Outputs());
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => following.WaitAsync(ApiServer.Patience));
    }

    [Fact]
    public async Task AFollowerWithAnEndIsOverWhenItIsReached()
    {
        await using var server = await ApiServer.StartAsync();
        await server.PatchLogsAsync("a", "b");
        var first = (await server.GetAsUserAsync(server.AgentPath + "/logs")).Json[0].GetProperty("id").GetInt64();
        var (past, live) = (new Reader(), new Reader());
        await past.FollowAsync(server, 0, first + 1, CancellationToken.None).WaitAsync(ApiServer.Patience);
        Assert.Equal(["a"], past.Outputs());
        var following = live.FollowAsync(server, 0, first + 3, CancellationToken.None);
        await live.ReceivedAsync("\"b\"");
        await server.PatchLogsAsync("c", "d");
        await following.WaitAsync(ApiServer.Patience);
        Assert.Equal(["a", "b", "c"], live.Outputs());
        using var socket = await server.FollowAsync($"?follow&before={first + 1}");
        Assert.Equal(["a"], await socket.ReceiveOutputsAsync());
        Assert.Equal(System.Net.WebSockets.WebSocketCloseStatus.NormalClosure, (await socket.ReceiveCloseAsync()).Status);
    }

    [Fact]
    public async Task AStoreThatFailsIsTriedAgain()
    {
        var time = new ManualTimeProvider();
        await using var server = await ApiServer.StartAsync(time: time);
        await server.ListeningAsync();
        using var socket = await server.FollowAsync();
        Assert.Equal("[]\n", await socket.ReceiveTextAsync());
        await Eventually.TrueAsync(() => server.Services.GetRequiredService<LogStore>().PageReads == 2, "both have looked");
        server.Execute("ALTER TABLE agent_logs RENAME TO elsewhere");
        await ReadAgainAsync();
        server.Execute("ALTER TABLE elsewhere RENAME TO agent_logs");
        await server.PatchLogsAsync("later");
        await ReadAgainAsync();
        Assert.Equal(["later"], await socket.ReceiveOutputsAsync());

        // A read is counted when it begins. The second count from now on therefore means that one whole read lies between.
        async Task ReadAgainAsync()
        {
            var reads = server.Services.GetRequiredService<LogStore>().PageReads;
            await Eventually.TrueAsync(
                () =>
                {
                    server.Services.GetSignals().Pulse(server.Agent.Id);
                    time.Advance(TimeSpan.FromSeconds(1));
                    return server.Services.GetRequiredService<LogStore>().PageReads >= reads + 2;
                },
                "the store was read");
        }
    }

    /// <summary>A follower without a socket.</summary>
    private sealed class Reader
    {
        private readonly Lock _lock = new();
        private readonly StringBuilder _text = new();
        private TaskCompletionSource _received = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private TaskCompletionSource? _held;

        public int Messages { get; private set; }

        public Task FollowAsync(ApiServer server, long after, long before, CancellationToken stop) =>
            server.Services.GetRequiredService<LogFollow>().FollowAsync(server.Agent.Id, after, before, SendAsync, stop);

        public void Hold() => _held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Release() => _held!.SetResult();

        public async Task ReceivedAsync(string text)
        {
            while (true)
            {
                Task received;
                lock (_lock)
                {
                    if (_text.ToString().Contains(text, StringComparison.Ordinal))
                    {
                        return;
                    }

                    received = _received.Task;
                }

                await received.WaitAsync(ApiServer.Patience);
            }
        }

        public IEnumerable<string> Outputs()
        {
            lock (_lock)
            {
                return [.. _text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries)
                    .SelectMany(static message => System.Text.Json.JsonDocument.Parse(message).RootElement.EnumerateArray())
                    .Select(static line => line.GetProperty("output").GetString()!)];
            }
        }

        private async Task SendAsync(ReadOnlyMemory<byte> message)
        {
            TaskCompletionSource received;
            lock (_lock)
            {
                Messages++;
                _text.Append(Encoding.UTF8.GetString(message.Span));
                (received, _received) = (_received, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            }

            received.TrySetResult();
            await (_held?.Task ?? Task.CompletedTask);
        }
    }
}
