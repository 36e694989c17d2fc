using System.Runtime.InteropServices;

namespace Edge.Hosting;

/// <summary>The first SIGTERM, SIGINT or SIGQUIT asks for an orderly stop; the second ends the process at once.</summary>
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

    /// <summary>A signal has come.</summary>
    internal void OnSignal(PosixSignalContext signal)
    {
        signal.Cancel = true;
        if (Interlocked.Increment(ref _signals) > 1)
        {
            Environment.Exit(EndedBySecondSignal);
        }

        // Last: who waits may stop the node and dispose of this before this thread runs again.
        _requested.Cancel();
        _signalled.SetResult();
    }
}
