using LocalAgent.Terminals;

namespace Edge.Tests.LocalAgent;

public sealed class OutputSignalTests
{
    private readonly OutputSignal _signal = new();

    [Fact]
    public async Task AWaitEndsOnTheThreadThatTells()
    {
        var waiting = WaitAsync();
        var telling = Environment.CurrentManagedThreadId;
        _signal.Set();
        Assert.True(waiting.IsCompleted);
        Assert.Equal(telling, await waiting);
    }

    [Fact]
    public void WhatWasToldToNobodyEndsTheNextWaitAndNotTheOneAfterIt()
    {
        _signal.Set();
        _signal.Set();
        Assert.True(WaitAsync().IsCompleted);
        Assert.False(WaitAsync().IsCompleted);
    }

    [Fact]
    public async Task ACancelledWaitLosesNothingThatIsToldLater()
    {
        using var cancel = new CancellationTokenSource();
        var waiting = WaitAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => WaitAsync(cancel.Token));

        _signal.Set();
        Assert.True(WaitAsync().IsCompleted);
    }

    [Fact]
    public async Task NothingIsLostBetweenTwoThreads()
    {
        const int Count = 20_000;
        var told = 0;
        var telling = Task.Run(
            () =>
            {
                for (var i = 0; i < Count; i++)
                {
                    Interlocked.Increment(ref told);
                    _signal.Set();
                }
            },
            TestContext.Current.CancellationToken);
        while (Volatile.Read(ref told) < Count)
        {
            await WaitAsync().WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        }

        await telling;
    }

    /// <summary>Waits, and says on which thread that has ended.</summary>
    private async Task<int> WaitAsync(CancellationToken cancellation = default)
    {
        await _signal.WaitAsync(cancellation).ConfigureAwait(false);
        return Environment.CurrentManagedThreadId;
    }
}
