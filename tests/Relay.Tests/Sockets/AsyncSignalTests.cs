using Sockets;

namespace Relay.Tests.Sockets;

public sealed class AsyncSignalTests
{
    private readonly AsyncSignal _signal = new(inline: true);

    [Fact]
    public async Task AnInlineWaitEndsOnTheThreadThatSignals()
    {
        var waiting = WaitAsync(_signal);
        var signalling = Environment.CurrentManagedThreadId;
        _signal.Set();
        Assert.True(waiting.IsCompleted);
        Assert.Equal(signalling, await waiting);
    }

    [Fact]
    public void ASignalWithoutAWaiterEndsTheNextWaitAndNotTheOneAfterIt()
    {
        _signal.Set();
        _signal.Set();
        Assert.True(WaitAsync(_signal).IsCompleted);
        Assert.False(WaitAsync(_signal).IsCompleted);
    }

    [Fact]
    public async Task AnotherWaitEndsOnTheThreadPool()
    {
        var signal = new AsyncSignal();
        var continued = WaitOnPoolAsync();
        new Thread(signal.Set).Start();
        Assert.True(await continued.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));

        async Task<bool> WaitOnPoolAsync()
        {
            await signal.WaitAsync().ConfigureAwait(false);
            return Thread.CurrentThread.IsThreadPoolThread;
        }
    }

    [Fact]
    public async Task NoSignalIsLostBetweenTwoThreads()
    {
        const int Count = 20_000;
        var signalled = 0;
        var signalling = Task.Run(
            () =>
            {
                for (var i = 0; i < Count; i++)
                {
                    Interlocked.Increment(ref signalled);
                    _signal.Set();
                }
            },
            TestContext.Current.CancellationToken);
        while (Volatile.Read(ref signalled) < Count)
        {
            await WaitAsync(_signal).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        }

        await signalling;
    }

    /// <summary>Waits; the result is the thread that continues.</summary>
    private static async Task<int> WaitAsync(AsyncSignal signal)
    {
        await signal.WaitAsync().ConfigureAwait(false);
        return Environment.CurrentManagedThreadId;
    }
}
