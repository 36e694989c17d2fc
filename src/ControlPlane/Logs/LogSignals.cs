namespace ControlPlane.Logs;

/// <summary>
/// Wakes the followers of an agent when lines of it were stored by this process. A follower takes its signal before it reads the store,
/// so that nothing stored in between is missed.
/// </summary>
internal sealed class LogSignals
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, TaskCompletionSource> _waiting = [];

    /// <summary>Completes when lines are stored after this call.</summary>
    public Task Next(Guid agentId)
    {
        lock (_lock)
        {
            if (!_waiting.TryGetValue(agentId, out var signal))
            {
                signal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _waiting.Add(agentId, signal);
            }

            return signal.Task;
        }
    }

    public void Pulse(Guid agentId)
    {
        TaskCompletionSource? signal;
        lock (_lock)
        {
            _waiting.Remove(agentId, out signal);
        }

        signal?.TrySetResult();
    }
}
