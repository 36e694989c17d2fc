using Edge.LocalAgent.Terminals;

namespace Edge.Tests.LocalAgent;

public sealed class OutputSignalTests
{
    private readonly OutputSignal _signal = new();

    [Fact]
    public void AWaitEndsOnTheThreadThatTells()
    {
        var thread = 0;
        var wait = _signal.WaitAsync(CancellationToken.None).ConfigureAwait(false).GetAwaiter();
        wait.UnsafeOnCompleted(() => thread = Environment.CurrentManagedThreadId);
        _signal.Set();
        Assert.Equal(Environment.CurrentManagedThreadId, thread);
        wait.GetResult();
    }

    [Fact]
    public void WhatWasToldToNobodyEndsTheNextWaitAndNotTheOneAfterIt()
    {
        _signal.Set();
        _signal.Set();
        Assert.True(_signal.WaitAsync(CancellationToken.None).IsCompletedSuccessfully);
        Assert.False(_signal.WaitAsync(CancellationToken.None).IsCompleted);
    }

    [Fact]
    public async Task ACancelledWaitLosesNothingThatIsToldLater()
    {
        using var cancel = new CancellationTokenSource();
        var wait = _signal.WaitAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await wait);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _signal.WaitAsync(cancel.Token));

        _signal.Set();
        Assert.True(_signal.WaitAsync(CancellationToken.None).IsCompletedSuccessfully);
    }

    [Fact]
    public async Task NothingIsLostBetweenTwoThreads()
    {
        const int Count = 20_000;
        var told = 0;
        var telling = Task.Run(() =>
        {
            for (var i = 0; i < Count; i++)
            {
                Interlocked.Increment(ref told);
                _signal.Set();
            }
        });
        while (Volatile.Read(ref told) < Count)
        {
            await _signal.WaitAsync(CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
        }

        await telling;
    }
}
