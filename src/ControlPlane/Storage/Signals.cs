namespace ControlPlane.Storage;

/// <summary>
/// Wakes those who wait for a change of something in the store: one that this process makes, and, where the database passes notices on, one that
/// another process makes. Whoever waits takes the signal before reading the store, so that nothing changed in between is missed.
/// </summary>
internal abstract class Signals
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, TaskCompletionSource> _waiting = [];
    private readonly ChangeNotices _notices;
    private readonly string _kind;
    private long _version;

    /// <param name="notices">Passes changes on.</param>
    /// <param name="kind">What changes, in one word that is the same in all versions of the program.</param>
    protected Signals(ChangeNotices notices, string kind)
    {
        (_notices, _kind) = (notices, kind);
        notices.Add(kind, this);
    }

    /// <summary>Another number after each change that this process made or heard of. Whoever keeps what it reads takes this before reading.</summary>
    public long Version => Volatile.Read(ref _version);

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

    /// <summary>This process has changed it.</summary>
    public void Pulse(Guid id)
    {
        Wake(id);
        _notices.Publish(_kind, id);
    }

    /// <summary>It has changed, whoever did it.</summary>
    public void Wake(Guid id)
    {
        Interlocked.Increment(ref _version);
        TaskCompletionSource? signal;
        lock (_lock)
        {
            _waiting.Remove(id, out signal);
        }

        signal?.TrySetResult();
    }

    /// <summary>Anything may have changed.</summary>
    public void WakeAll()
    {
        Interlocked.Increment(ref _version);
        TaskCompletionSource[] signals;
        lock (_lock)
        {
            signals = [.. _waiting.Values];
            _waiting.Clear();
        }

        foreach (var signal in signals)
        {
            signal.TrySetResult();
        }
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
