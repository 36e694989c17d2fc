using System.Diagnostics;
using System.Globalization;
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

        // What runs the tests minds the other two signals.
        using var kill = Process.Start("kill", ["-TERM", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]);

        Assert.False(await wasOver.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        await signals.WaitAsync().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }
}
