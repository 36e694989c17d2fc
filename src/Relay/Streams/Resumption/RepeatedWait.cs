using System.Threading.Tasks.Sources;

namespace Relay.Streams.Resumption;

/// <summary>
/// A reusable result of an asynchronous read or flush, which allocates nothing: one at a time, each completed once and awaited once. The
/// caller continues on the thread that completes it. It is no <see cref="Sockets.AsyncSignal"/>: it has a value or an exception, and
/// every operation completes exactly once, so no signal need be kept for a later wait.
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
