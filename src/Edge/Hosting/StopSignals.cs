using System.Runtime.InteropServices;

namespace Edge.Hosting;

/// <summary>Handles SIGTERM, SIGINT and SIGQUIT. The first one requests an orderly stop, the second one ends the process at once.</summary>
internal sealed class StopSignals : IDisposable
{
    private const int EndedBySecondSignal = 130;

    private readonly CancellationTokenSource _requested = new();
    private readonly TaskCompletionSource _signalled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;
    private int _signals;

    public StopSignals() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
        PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
        PosixSignalRegistration.Create(PosixSignal.SIGQUIT, OnSignal),
    ];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Requested => _requested.Token;

    public Task WaitAsync() => _signalled.Task;

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }

        _requested.Dispose();
    }

    /// <summary>Handles a signal.</summary>
    internal void OnSignal(PosixSignalContext signal)
    {
        signal.Cancel = true;
        if (Interlocked.Increment(ref _signals) > 1)
        {
            Environment.Exit(EndedBySecondSignal);
        }

        // This comes last: the waiting code may stop the node and dispose of this object before this thread continues.
        _requested.Cancel();
        _signalled.SetResult();
    }
}
