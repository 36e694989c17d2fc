namespace ControlPlane.Storage;

/// <summary>
/// Wakes code that waits for a change of a database record, by the record's id. Changes by this process wake it, and on PostgreSQL changes
/// by other processes too. A waiter takes the signal before its query, so that it misses no change in between.
/// </summary>
internal abstract class Signals
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, TaskCompletionSource> _waiting = [];
    private readonly ChangeNotices _notices;
    private readonly string _kind;
    private long _version;

    /// <param name="notices">Sends changes to other processes.</param>
    /// <param name="kind">The kind of record: one word, which is the same in all versions of the program.</param>
    protected Signals(ChangeNotices notices, string kind)
    {
        (_notices, _kind) = (notices, kind);
        notices.Add(kind, this);
    }

    /// <summary>
    /// A number that grows with each change that this process made or was notified of. A cache takes it before its query.
    /// </summary>
    public long Version => Volatile.Read(ref _version);

    /// <summary>A task that completes at the next change of this id.</summary>
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

    /// <summary>Signals a change by this process, here and to other processes.</summary>
    public void Pulse(Guid id)
    {
        Wake(id);
        _notices.Publish(_kind, id);
    }

    /// <summary>Signals a change, in this process only.</summary>
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

    /// <summary>Signals a change of every id, after notices may have been missed.</summary>
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

    /// <summary>
    /// Waits for the signal, and for <paramref name="atMost"/> at most, since a change by another process may come without a signal.
    /// </summary>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> was cancelled.</exception>
    public static async Task WaitAsync(Task signal, TimeSpan atMost, TimeProvider time, CancellationToken stop)
    {
        using var recheck = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAny(signal, Task.Delay(atMost, time, recheck.Token));
        await recheck.CancelAsync();
        stop.ThrowIfCancellationRequested();
    }
}
