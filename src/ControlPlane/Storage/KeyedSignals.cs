namespace ControlPlane.Storage;

/// <summary>
/// Wakes those who wait for a thing's change in the store, by the thing's id, when this process has stored one. Whoever waits takes the signal
/// before reading the store, so that nothing stored in between is missed.
/// </summary>
internal abstract class KeyedSignals
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, TaskCompletionSource> _waiting = [];

    /// <summary>Completes when a change is stored after this call.</summary>
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

    /// <summary>Tells those who wait. After the commit, never within it.</summary>
    public void Pulse(Guid id)
    {
        TaskCompletionSource? signal;
        lock (_lock)
        {
            _waiting.Remove(id, out signal);
        }

        signal?.TrySetResult();
    }
}
