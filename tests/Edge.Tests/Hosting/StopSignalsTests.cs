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

        // This is no real signal, which would stop the hosts of other tests in this process too. EndToEnd sends real signals to
        // processes.
        var signal = Task.Run(() => signals.OnSignal(new PosixSignalContext(PosixSignal.SIGTERM)), TestContext.Current.CancellationToken);

        Assert.False(await wasOver.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        await signals.WaitAsync().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await signal;
    }
}
