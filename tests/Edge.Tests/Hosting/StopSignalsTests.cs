using System.Runtime.InteropServices;
using Edge.Hosting;

namespace Edge.Tests.Hosting;

public sealed class StopSignalsTests
{
    [Fact]
    public async Task WhoWaitsForASignalGoesOnOnlyWhenNothingOfItIsLeftToDo()
    {
        using var signals = new StopSignals();
        var wasOver = new TaskCompletionSource<bool>();
        using var registration = signals.Requested.Register(() => wasOver.SetResult(signals.WaitAsync().IsCompleted));

        // No real signal: hosts of other tests, in this process, would stop for it. Real ones are sent to processes (EndToEnd).
        var signal = Task.Run(() => signals.OnSignal(new PosixSignalContext(PosixSignal.SIGTERM)), TestContext.Current.CancellationToken);

        Assert.False(await wasOver.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        await signals.WaitAsync().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await signal;
    }
}
