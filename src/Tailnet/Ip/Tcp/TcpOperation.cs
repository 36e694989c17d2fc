using System.Threading.Tasks.Sources;

namespace Tailnet.Ip.Tcp;

/// <summary>
/// A wait of the application on a stream: for the connection, for data, or for room. It is reused, so that waiting allocates nothing. Begun
/// and taken under the lock, completed without it.
/// </summary>
/// <param name="gate">The lock.</param>
internal sealed class TcpOperation(Lock gate) : IValueTaskSource<int>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<int> _core;
    private CancellationTokenRegistration _registration;
    private CancellationToken _cancellation;

    /// <summary>Somebody waits.</summary>
    public bool IsWaiting { get; private set; }

    /// <summary>The version of the wait that has begun.</summary>
    public short Version => _core.Version;

    /// <summary>Begins a wait. Under the lock.</summary>
    public void Begin(bool inline)
    {
        _core.Reset();
        _core.RunContinuationsAsynchronously = !inline;
        IsWaiting = true;
    }

    /// <summary>Lets the wait be cancelled. Without the lock, before the caller has its task.</summary>
    public void Register(CancellationToken cancellation)
    {
        _cancellation = cancellation;
        if (cancellation.CanBeCanceled)
        {
            _registration = cancellation.UnsafeRegister(static state => ((TcpOperation)state!).Cancel(), this);
        }
    }

    /// <summary>Ends the wait: whoever takes it completes it. Under the lock.</summary>
    public bool TryTake()
    {
        var taken = IsWaiting;
        IsWaiting = false;
        return taken;
    }

    /// <summary>Lets the caller go on. Without the lock.</summary>
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
        // A cancellation that runs just now must be over before the next wait begins.
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
