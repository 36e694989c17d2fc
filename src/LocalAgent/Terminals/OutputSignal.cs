using System.Threading.Tasks.Sources;

namespace LocalAgent.Terminals;

/// <summary>
/// Tells one waiter that there may be something to read; told to nobody, it is kept for the next wait. Who waits goes on right on the thread that
/// tells, which saves a change of threads, and on the thread pool when the wait is cancelled. A wait allocates nothing.
/// </summary>
internal sealed class OutputSignal : IValueTaskSource
{
    private readonly Lock _lock = new();
    private ManualResetValueTaskSourceCore<bool> _core;
    private CancellationTokenRegistration _registration;
    private bool _isSet;
    private bool _isWaiting;

    /// <summary>Ends the wait there is, or else the next one. Not to be called under a lock that the waiter may want.</summary>
    public void Set()
    {
        lock (_lock)
        {
            if (!_isWaiting)
            {
                _isSet = true;
                return;
            }

            _isWaiting = false;
        }

        _core.SetResult(true);
    }

    /// <summary>Waits for <see cref="Set"/>; one at a time.</summary>
    public ValueTask WaitAsync(CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellation);
        }

        lock (_lock)
        {
            if (_isSet)
            {
                _isSet = false;
                return ValueTask.CompletedTask;
            }

            _core.Reset();
            _core.RunContinuationsAsynchronously = false;
            _isWaiting = true;
        }

        _registration = cancellation.UnsafeRegister(static (signal, token) => ((OutputSignal)signal!).Cancel(token), this);
        return new ValueTask(this, _core.Version);
    }

    void IValueTaskSource.GetResult(short token)
    {
        // Not under the lock: it waits for a call-back that is under way and wants the lock.
        _registration.Dispose();
        _registration = default;
        _core.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Cancel(CancellationToken token)
    {
        lock (_lock)
        {
            if (!_isWaiting)
            {
                return;
            }

            _isWaiting = false;
            _core.RunContinuationsAsynchronously = true;
        }

        _core.SetException(new OperationCanceledException(token));
    }
}
