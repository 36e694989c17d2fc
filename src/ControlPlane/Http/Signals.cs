namespace ControlPlane.Http;

/// <summary>
/// Wakes those who wait for a change of something in the store that this process makes. Whoever waits takes the signal before reading
/// the store, so that nothing changed in between is missed.
/// </summary>
internal abstract class Signals
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, TaskCompletionSource> _waiting = [];

    /// <summary>Completes at the first <see cref="Pulse"/> of this id after this call.</summary>
    public Task Next(Guid id)
    {
        lock (_lock)
        {
            if (!_waiting.TryGetValue(id, out var signal))
            {
                signal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _waiting.Add(id, signal);
            }

            return signal.Task;
        }
    }

    public void Pulse(Guid id)
    {
        TaskCompletionSource? signal;
        lock (_lock)
        {
            _waiting.Remove(id, out signal);
        }

        signal?.TrySetResult();
    }

    /// <summary>Until the signal, or until the time is over, since another process may have written to the store.</summary>
    /// <exception cref="OperationCanceledException">It is to stop.</exception>
    public static async Task WaitAsync(Task signal, TimeSpan atMost, TimeProvider time, CancellationToken stop)
    {
        using var recheck = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAny(signal, Task.Delay(atMost, time, recheck.Token));
        await recheck.CancelAsync();
        stop.ThrowIfCancellationRequested();
    }
}
