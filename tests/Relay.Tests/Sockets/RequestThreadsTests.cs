using System.Buffers;
using System.Net.Sockets;
using Relay.Tests.Streams;
using Sockets;

namespace Relay.Tests.Sockets;

public sealed class RequestThreadsTests : IDisposable
{
    private const int Count = 3;
    private readonly RequestThreads _threads = RequestThreads.TryStart(Count)!;
    private readonly List<IDisposable> _held = [];

    public void Dispose() => _held.ForEach(static held => held.Dispose());

    /// <summary>However many requests block: each thread but the last keeps one, the others are the pool's.</summary>
    [Fact]
    public async Task WhatBlocksHoldsNobodyElseUp()
    {
        await _threads.IdleAsync();
        using var release = new ManualResetEventSlim();
        var blocked = new List<Task<string?>>();
        try
        {
            for (var i = 0; i < 2 * Count; i++)
            {
                var (input, far) = await ConnectAsync();
                var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                blocked.Add(BlockAsync(input, entered));
                far.Send([1]);
                await entered.Task.Soon();
            }

            var (free, other) = await ConnectAsync();
            var read = free.ReadAsync();
            other.Send([1]);
            Assert.Equal(1, (await read.Soon()).Buffer.Length);
        }
        finally
        {
            release.Set();
        }

        var names = await Task.WhenAll(blocked).Soon();
        Assert.Equal(Count - 1, names.Count(static name => name == "Edge requests"));
        Assert.Equal(Count + 1, names.Count(static name => name == ".NET TP Worker"));

        async Task<string?> BlockAsync(SocketPipeReader input, TaskCompletionSource entered)
        {
            await input.ReadAsync().ConfigureAwait(false);
            entered.SetResult();
            release.Wait();
            return Thread.CurrentThread.Name;
        }
    }

    /// <summary>What comes while nobody waits, or together with the end, is told all the same: none of it wakes anybody twice.</summary>
    [Fact]
    public async Task WhatComesWithTheEndIsReadAndThenTheEnd()
    {
        for (var i = 0; i < 200; i++)
        {
            var (input, far) = await ConnectAsync();
            var read = i % 2 == 0 ? input.ReadAsync().AsTask() : null;
            far.Send([1, 2]);
            far.Shutdown(SocketShutdown.Send);
            var result = await (read ?? input.ReadAsync().AsTask()).Soon();
            Assert.Equal([1, 2], result.Buffer.ToArray());
            input.AdvanceTo(result.Buffer.End);
            Assert.True((await input.ReadAsync().Soon()).IsCompleted);
        }
    }

    [Fact]
    [Trait("Needs", "InlineCompletions")]
    public async Task AReadThatWaitsGoesAlongToTheSocketThreads()
    {
        var (input, far) = await ConnectAsync();
        var read = NameAsync(input);
        input.BeginStream();
        far.Send([1]);
        Assert.Equal(".NET Sockets", await read.Soon());
        input.EndStream();
        read = NameAsync(input);
        input.LeaveThreads();
        far.Send([1]);
        Assert.Equal(".NET TP Worker", await read.Soon());
    }

    /// <summary>Leaving with bytes there already, which the other kind of wait finds at once: the reader gets them, once.</summary>
    [Fact]
    public async Task BytesThatComeAsItLeavesAreRead()
    {
        for (var i = 0; i < 200; i++)
        {
            var (input, far) = await ConnectAsync();
            var first = input.ReadAsync();
            far.Send([1]);
            input.LeaveThreads();
            var result = await first.Soon();
            Assert.Equal([1], result.Buffer.ToArray());
            input.AdvanceTo(result.Buffer.End);
            var second = input.ReadAsync();
            far.Send([2]);
            Assert.Equal([2], (await second.Soon()).Buffer.ToArray());
        }
    }

    /// <summary>The next socket gets the number of the one that was closed.</summary>
    [Fact]
    public async Task ASocketWithTheNumberOfAClosedOneIsAnother()
    {
        for (var i = 0; i < 200; i++)
        {
            var (near, far) = await Loopback.PairAsync();
            using var input = new SocketPipeReader(near, threads: _threads);
            var read = input.ReadAsync().AsTask();
            if (i % 2 == 0)
            {
                far.Send([1]);
            }

            near.Close(timeout: 0);
            input.Closed();
            far.Dispose();
            _ = await Record.ExceptionAsync(() => read.Soon());
            Assert.True(read.IsCompleted);
        }

        var (last, other) = await ConnectAsync();
        var waits = last.ReadAsync();
        Assert.False(waits.IsCompleted);
        other.Send([3]);
        Assert.Equal([3], (await waits.Soon()).Buffer.ToArray());
    }

    [Fact]
    public async Task AClosedSocketIsNotWaitedFor()
    {
        var (near, far) = await Loopback.PairAsync();
        using var held = far;
        using var input = new SocketPipeReader(near, threads: _threads);
        near.Dispose();
        await Assert.ThrowsAsync<IOException>(() => input.ReadAsync().AsTask().Soon());
    }

    [Fact]
    public async Task AReadThatWaitsAllocatesNothing()
    {
        var (input, far) = await ConnectAsync();

        // The bytes for a thousand reads. The bound allows for a read that arrives while no thread waits and so goes to the thread
        // pool.
        Assert.InRange(await AllocatedByReadsAsync(input, far).Soon(), 0, 2_000);
    }

    private static async Task<long> AllocatedByReadsAsync(SocketPipeReader input, Socket far)
    {
        // The bytes that each thread had allocated after its first and its last read.
        var threads = new Dictionary<int, (long First, long Last)>(Count);
        byte[] one = [1];
        for (var i = 0; i < 1_100; i++)
        {
            var read = input.ReadAsync();
            far.Send(one);
            var result = await read.ConfigureAwait(false);
            input.AdvanceTo(result.Buffer.End);
            if (i >= 100 && Thread.CurrentThread.Name == "Edge requests")
            {
                var now = GC.GetAllocatedBytesForCurrentThread();
                threads[Environment.CurrentManagedThreadId] =
                    (threads.TryGetValue(Environment.CurrentManagedThreadId, out var known) ? known.First : now, now);
            }
        }

        Assert.NotEmpty(threads);
        return threads.Values.Sum(static thread => thread.Last - thread.First);
    }

    private static async Task<string?> NameAsync(SocketPipeReader input)
    {
        var result = await input.ReadAsync().ConfigureAwait(false);
        input.AdvanceTo(result.Buffer.End);
        return Thread.CurrentThread.Name;
    }

    private async Task<(SocketPipeReader Input, Socket Far)> ConnectAsync()
    {
        var (near, far) = await Loopback.PairAsync();
        var input = new SocketPipeReader(near, threads: _threads);
        _held.Add(far);
        _held.Add(new Closing(near, input));
        return (input, far);
    }

    private sealed record Closing(Socket Socket, SocketPipeReader Input) : IDisposable
    {
        public void Dispose()
        {
            Socket.Dispose();
            Input.Closed();
            Input.Dispose();
        }
    }
}
