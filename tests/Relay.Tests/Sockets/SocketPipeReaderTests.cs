using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using Relay.Tests.Streams;
using Sockets;

namespace Relay.Tests.Sockets;

/// <summary>Where it waits as all sockets do.</summary>
public sealed class SocketPipeReaderTests() : SocketPipeReaderBehaviour(null);

/// <summary>The same where it waits with the threads of requests.</summary>
public sealed class RequestSocketPipeReaderTests() : SocketPipeReaderBehaviour(Own)
{
    private static readonly RequestThreads? Own = RequestThreads.TryStart(3);
}

public abstract class SocketPipeReaderBehaviour(RequestThreads? threads) : IAsyncLifetime
{
    private Socket _near = null!;
    private Socket _far = null!;
    private SocketPipeReader _input = null!;

    public async ValueTask InitializeAsync()
    {
        (_near, _far) = await Loopback.PairAsync();
        _input = new SocketPipeReader(_near, threads: threads);
    }

    public ValueTask DisposeAsync()
    {
        Close(_near, _input);
        _far.Dispose();
        _input.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task AReadWaitsWithoutABufferUntilBytesCome()
    {
        var read = _input.ReadAsync();
        Assert.False(read.IsCompleted);
        Assert.Equal(0, _input.Held);
        Send(1, 2, 3);
        var result = await read.Soon();
        Assert.Equal([1, 2, 3], result.Buffer.ToArray());
        Assert.False(result.IsCompleted || result.IsCanceled);
        _input.AdvanceTo(result.Buffer.End);
        Assert.Equal(0, _input.Held);
    }

    [Fact]
    public async Task WhatWasNotExaminedIsThereAtOnceAndWhatWasWaitsForMore()
    {
        Send(1, 2, 3);
        var result = await ReadAsync(3);
        _input.AdvanceTo(result.Buffer.GetPosition(1), result.Buffer.GetPosition(2));
        var atOnce = _input.ReadAsync().AsTask();
        Assert.True(atOnce.IsCompleted);
        result = await atOnce;
        Assert.Equal([2, 3], result.Buffer.ToArray());
        _input.AdvanceTo(result.Buffer.Start, result.Buffer.End);

        var again = _input.ReadAsync().AsTask();
        Assert.False(again.IsCompleted);
        Send(4);
        result = await again.Soon();
        Assert.Equal([2, 3, 4], result.Buffer.ToArray());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AnythingConsumedInAnyPiecesComesInOrder(bool isStream)
    {
        if (isStream)
        {
            _input.BeginStream();
        }

        var random = new Random(7);
        var bytes = new byte[2_000_000];
        random.NextBytes(bytes);
        var sending = StreamRig.SendAsync(_far, bytes);
        var used = 0;
        var largest = 0L;
        while (used < bytes.Length)
        {
            var result = await _input.ReadAsync().Soon();
            largest = Math.Max(largest, result.Buffer.Length);
            Assert.True(bytes.AsSpan(used, (int)result.Buffer.Length).SequenceEqual(result.Buffer.ToArray()));
            var consumed = random.Next(3) == 0 ? random.Next((int)result.Buffer.Length + 1) : random.Next(2) * (int)result.Buffer.Length;
            used += consumed;
            var isLast = used + (result.Buffer.Length - consumed) == bytes.Length;
            _input.AdvanceTo(
                result.Buffer.GetPosition(consumed), isLast ? result.Buffer.GetPosition(consumed) : result.Buffer.End);
        }

        await sending.Soon();
        Assert.True(largest > BlockPool.Large);
        Assert.Equal(0, _input.Held);
    }

    [Fact]
    public async Task ALeftoverThatWaitsHoldsNoLargeBuffer()
    {
        _input.BeginStream();
        Send(new byte[5000]);
        var result = await ReadAsync(5000);
        _input.AdvanceTo(result.Buffer.GetPosition(4990), result.Buffer.End);
        var read = _input.ReadAsync();
        Assert.False(read.IsCompleted);
        Assert.Equal(BlockPool.Small, _input.Held);
        Send(9);
        Assert.Equal(11, (await read.Soon()).Buffer.Length);
    }

    [Fact]
    public async Task ACancelledReadLosesNothing()
    {
        var read = _input.ReadAsync();
        _input.CancelPendingRead();
        var result = await read.Soon();
        Assert.True(result.IsCanceled);
        Assert.True(result.Buffer.IsEmpty);

        // Without a pending read, the next read is cancelled. The caller may advance it or not.
        _input.CancelPendingRead();
        result = await _input.ReadAsync();
        Assert.True(result.IsCanceled);
        _input.AdvanceTo(result.Buffer.End);

        using var cancel = new CancellationTokenSource();
        read = _input.ReadAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read.AsTask());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _input.ReadAsync(cancel.Token).AsTask());
        Send(5);
        Assert.Equal([5], (await _input.ReadAsync().Soon()).Buffer.ToArray());
    }

    [Fact]
    public async Task WhoeverCancelsIsNotMadeToGoOnWithTheRead()
    {
        var thread = 0;
        var waiting = WaitAsync();
        var canceller = new Thread(() => _input.CancelPendingRead());
        canceller.Start();
        await waiting.Soon();
        Assert.NotEqual(canceller.ManagedThreadId, thread);

        async Task WaitAsync()
        {
            await _input.ReadAsync().ConfigureAwait(false);
            thread = Environment.CurrentManagedThreadId;
        }
    }

    [Fact]
    public async Task WrongUseIsRefused()
    {
        Assert.Throws<InvalidOperationException>(() => _input.AdvanceTo(default));
        var read = _input.ReadAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await _input.ReadAsync());
        Send(1, 2);
        var result = await read.Soon();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await _input.ReadAsync());
        Assert.Throws<ArgumentOutOfRangeException>(() => _input.AdvanceTo(result.Buffer.End, result.Buffer.Start));
        _input.AdvanceTo(result.Buffer.Start);
        _input.Complete();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await _input.ReadAsync());
        Assert.Equal(0, _input.Held);
    }

    [Fact]
    public async Task TheEndComesAfterTheBytesAndStays()
    {
        Send(1, 2);
        _far.Shutdown(SocketShutdown.Send);
        var result = await _input.ReadAsync().Soon();
        Assert.Equal([1, 2], result.Buffer.ToArray());
        _input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        for (var i = 0; i < 2; i++)
        {
            result = await _input.ReadAsync().Soon();
            Assert.True(result.IsCompleted);
            Assert.Equal(2, result.Buffer.Length);
            _input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    [Fact]
    public async Task AResetAndAClosedSocketThrow()
    {
        var read = _input.ReadAsync();
        StreamRig.Reset(_far);
        await Assert.ThrowsAsync<IOException>(() => read.AsTask().Soon());
        await Assert.ThrowsAsync<IOException>(() => _input.ReadAsync().AsTask().Soon());

        var (near, far) = await Loopback.PairAsync();
        using var held = far;
        var other = new SocketPipeReader(near, threads: threads);
        read = other.ReadAsync();
        Close(near, other);
        await Assert.ThrowsAsync<IOException>(() => read.AsTask().Soon());
        other.Dispose();
    }

    [Fact]
    public async Task TryReadTakesWhatHasCome()
    {
        Assert.False(_input.TryRead(out _));
        Send(1);
        var result = await _input.ReadAsync().Soon();
        _input.AdvanceTo(result.Buffer.Start, result.Buffer.Start);
        Assert.True(_input.TryRead(out result));
        Assert.Equal(1, result.Buffer.Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhileItWatchesTheEndIsNoticedBehindBytesThatNobodyReads(bool reset)
    {
        var ended = new TaskCompletionSource();
        await using var watched = await WatchAsync(ended);
        await StreamRig.SendAsync(watched.Far, new byte[20_000]);
        Assert.False(ended.Task.IsCompleted);
        if (reset)
        {
            StreamRig.Reset(watched.Far);
        }
        else
        {
            watched.Far.Shutdown(SocketShutdown.Send);
        }

        await ended.Task.Soon();
    }

    [Fact]
    public async Task WhatIsReadAheadIsBoundedAndComesInOrder()
    {
        var ended = new TaskCompletionSource();
        await using var watched = await WatchAsync(ended);
        var bytes = new byte[8_000_000];
        new Random(3).NextBytes(bytes);
        var sending = StreamRig.SendAsync(watched.Far, bytes);
        await Eventually.TrueAsync(() => watched.Input.Held >= 64 * 1024, "the bound is reached");
        Assert.InRange(watched.Input.Held, 64 * 1024, 64 * 1024 + (3 * BlockPool.Large));

        var got = new MemoryStream();
        while (got.Length < bytes.Length)
        {
            var result = await watched.Input.ReadAsync().Soon();
            got.Write(result.Buffer.ToArray());
            watched.Input.AdvanceTo(result.Buffer.End);
        }

        await sending.Soon();
        Assert.Equal(bytes, got.ToArray());
    }

    [Fact]
    public async Task OnceItWatchesNoLongerTheEndIsFoundByReadingOnly()
    {
        var ended = new TaskCompletionSource();
        await using var watched = await WatchAsync(ended);
        watched.Input.StopWatching();
        watched.Far.Shutdown(SocketShutdown.Send);
        Assert.True((await watched.Input.ReadAsync().Soon()).IsCompleted);
        Assert.False(ended.Task.IsCompleted);
    }

    [Fact]
    public async Task AStreamGoesOnOnTheSocketThreadAndNothingElseDoes()
    {
        var elsewhere = threads is null ? ".NET TP Worker" : "Edge requests";
        Assert.Equal(elsewhere, await ReadOnAsync());
        _input.BeginStream();

        // A run with the switch off holds that streams work on the thread pool too.
        var isInline = !InlineCompletions.IsDisabled;
        Assert.Equal(isInline, InlineCompletions.IsAvailable);
        Assert.Equal(isInline, InlineCompletions.Get(_near));
        Assert.Equal(isInline ? ".NET Sockets" : ".NET TP Worker", await ReadOnAsync());
        _input.EndStream();
        Assert.Equal(elsewhere, await ReadOnAsync());

        async Task<string?> ReadOnAsync()
        {
            await (threads?.IdleAsync() ?? Task.CompletedTask);
            var read = NameAsync();
            Send(1);
            return await read.Soon();
        }

        async Task<string?> NameAsync()
        {
            var result = await _input.ReadAsync().ConfigureAwait(false);
            var name = Thread.CurrentThread.Name;
            _input.AdvanceTo(result.Buffer.End);
            return name;
        }
    }

    [Fact]
    [Trait("Needs", "InlineCompletions")]
    public async Task AStreamThatAlwaysHasMoreGivesOthersATurn()
    {
        var (near, far) = await Loopback.PairAsync();
        using var other = new SocketPipeReader(near, threads: threads);
        _input.BeginStream();
        other.BeginStream();
        var read = other.ReadAsync().AsTask();
        var bulkTransfer = StreamRig.SendAsync(_far, new byte[64 * 1024 * 1024]);
        Assert.True(await ReadSlowlyAsync(far, read).Soon());
        StreamRig.Reset(_near);
        near.Dispose();
        far.Dispose();
        await Assert.ThrowsAsync<SocketException>(() => bulkTransfer.Soon());
    }

    // Reads more slowly than the sender sends, so that there are always bytes left. Tells whether another stream on the same
    // thread, which gets one byte, is read meanwhile.
    private async Task<bool> ReadSlowlyAsync(Socket far, Task read)
    {
        var sent = false;
        for (var got = 0L; got < 64 * 1024 * 1024;)
        {
            var result = await _input.ReadAsync().ConfigureAwait(false);
            if (read.IsCompleted)
            {
                return true;
            }

            if (!sent && Thread.CurrentThread.Name == ".NET Sockets")
            {
                far.Send([1]);
                sent = true;
            }

            got += result.Buffer.Length;
            _input.AdvanceTo(result.Buffer.End);
            Thread.SpinWait(200_000);
        }

        return false;
    }

    private async Task<ReadResult> ReadAsync(int least)
    {
        while (true)
        {
            var result = await _input.ReadAsync().Soon();
            if (result.Buffer.Length >= least)
            {
                return result;
            }

            _input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    private void Send(params byte[] bytes) => _far.Send(bytes);

    private static void Close(Socket socket, SocketPipeReader input)
    {
        socket.Dispose();
        input.Closed();
    }

    // A reader as the HTTP layer leaves it while it answers a request: it has read once and waits for nothing.
    private async Task<Watched> WatchAsync(TaskCompletionSource ended)
    {
        var (near, far) = await Loopback.PairAsync();
        var watched = new Watched(
            near, far, new SocketPipeReader(near, readAhead: 64 * 1024, ended: () => ended.TrySetResult(), threads: threads));
        far.Send("head"u8);
        var result = await watched.Input.ReadAsync().Soon();
        watched.Input.AdvanceTo(result.Buffer.End);
        return watched;
    }

    private sealed record Watched(Socket Near, Socket Far, SocketPipeReader Input) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            Close(Near, Input);
            Far.Dispose();
            Input.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
