using System.Threading.Tasks.Sources;

namespace Relay.Streams.Resumption;

/// <summary>
/// A wait that is made again and again without an allocation: one at a time, each ended once and then awaited to its end. Who awaits goes
/// on on the thread that ends it.
/// </summary>
internal sealed class RepeatedWait<T> : IValueTaskSource<T>
{
    private ManualResetValueTaskSourceCore<T> _core;

    /// <summary>The wait that comes, or has begun.</summary>
    public ValueTask<T> Task => new(this, _core.Version);

    public void SetResult(T result) => _core.SetResult(result);

    public void SetException(Exception error) => _core.SetException(error);

    T IValueTaskSource<T>.GetResult(short token)
    {
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
        }
    }

    ValueTaskSourceStatus IValueTaskSource<T>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<T>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
