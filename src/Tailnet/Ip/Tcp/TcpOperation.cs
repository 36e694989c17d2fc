using System.Threading.Tasks.Sources;

namespace Tailnet.Ip.Tcp;

/// <summary>
/// A pending connect, read or write of the application. Each stream reuses its operations, so that a wait allocates nothing. An operation
/// is begun and taken under the lock, and completed without it.
/// </summary>
/// <param name="gate">The lock of the stack.</param>
internal sealed class TcpOperation(Lock gate) : IValueTaskSource<int>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<int> _core;
    private CancellationTokenRegistration _registration;
    private CancellationToken _cancellation;

    /// <summary>Whether the operation is pending.</summary>
    public bool IsWaiting { get; private set; }

    /// <summary>The token for the <see cref="ValueTask"/> of the pending operation.</summary>
    public short Version => _core.Version;

    /// <summary>Makes the operation pending. The caller holds the lock.</summary>
    /// <param name="inline">Whether the continuation runs on the thread that completes the operation.</param>
    public void Begin(bool inline)
    {
        _core.Reset();
        _core.RunContinuationsAsynchronously = !inline;
        IsWaiting = true;
    }

    /// <summary>Registers the cancellation. The stream calls it without the lock, before it returns the task.</summary>
    public void Register(CancellationToken cancellation)
    {
        _cancellation = cancellation;
        if (cancellation.CanBeCanceled)
        {
            _registration = cancellation.UnsafeRegister(static state => ((TcpOperation)state!).Cancel(), this);
        }
    }

    /// <summary>
    /// Takes the pending operation; false when there is none. The caller holds the lock, and must then complete the operation.
    /// </summary>
    public bool TryTake()
    {
        var taken = IsWaiting;
        IsWaiting = false;
        return taken;
    }

    /// <summary>Completes the task. The caller must not hold the lock, because the continuation may run inline.</summary>
    public void Complete(int result, Exception? failure)
    {
        if (failure is null)
        {
            _core.SetResult(result);
        }
        else
        {
            _core.SetException(failure);
        }
    }

    int IValueTaskSource<int>.GetResult(short token) => GetResult(token);

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _core.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private int GetResult(short token)
    {
        // Dispose waits for a cancellation callback that is running, so that it cannot cancel the next operation.
        _registration.Dispose();
        _registration = default;
        return _core.GetResult(token);
    }

    private void Cancel()
    {
        lock (gate)
        {
            if (!TryTake())
            {
                return;
            }
        }

        Complete(0, new OperationCanceledException(_cancellation));
    }
}
