using System.Threading.Tasks.Sources;

namespace Sockets;

/// <summary>
/// An auto-reset event for one asynchronous waiter. A signal without a waiter is kept for the next wait, and several such signals count as
/// one. Any thread may signal; one at a time may wait. A wait allocates nothing. It takes no cancellation token: the code that cancels
/// the wait calls <see cref="Set"/>.
/// </summary>
/// <param name="inline">
/// True when the waiter continues inside of <see cref="Set"/>, whose caller must not hold a lock that the waiter takes. False when it
/// continues on the thread pool.
/// </param>
public sealed class AsyncSignal(bool inline = false) : IValueTaskSource
{
    private readonly Lock _lock = new();
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = !inline };
    private bool _isSet;
    private bool _isWaiting;

    /// <summary>Ends the current wait, or else the next one.</summary>
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

    /// <summary>Waits for <see cref="Set"/>. The wait completes at once if a signal was kept.</summary>
    public ValueTask WaitAsync()
    {
        lock (_lock)
        {
            if (_isSet)
            {
                _isSet = false;
                return ValueTask.CompletedTask;
            }

            _core.Reset();
            _isWaiting = true;
            return new ValueTask(this, _core.Version);
        }
    }

    void IValueTaskSource.GetResult(short token) => _core.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
