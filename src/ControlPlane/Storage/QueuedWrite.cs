using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>A write in the <see cref="WriteQueue"/>.</summary>
internal abstract class QueuedWrite
{
    /// <summary>Starts the write, so that it can no longer be cancelled. False when it was cancelled before.</summary>
    public abstract bool TryStart();

    /// <summary>Runs the work. The queue may run it again, in another transaction. Exceptions of the work reach the queue.</summary>
    public abstract void Run(DbConnection connection);

    /// <summary>Completes the write with the result of the last run, which is committed.</summary>
    public abstract void Succeed();

    public abstract void Fail(Exception exception);
}

/// <inheritdoc/>
internal sealed class QueuedWrite<T> : QueuedWrite
{
    private const int Queued = 0;
    private const int Started = 1;
    private const int Cancelled = 2;

    // Continuations run on other threads, since the queue's thread has other writes to run.
    private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Func<DbConnection, T> _work;
    private readonly CancellationToken _cancellationToken;
    private readonly CancellationTokenRegistration _registration;
    private int _state;
    private T? _result;

    public QueuedWrite(Func<DbConnection, T> work, CancellationToken cancellationToken)
    {
        (_work, _cancellationToken) = (work, cancellationToken);
        _registration = cancellationToken.UnsafeRegister(static write => ((QueuedWrite<T>)write!).Cancel(), this);
    }

    public Task<T> Task => _done.Task;

    public override bool TryStart()
    {
        // Dispose would wait for a running callback.
        _registration.Unregister();
        return Interlocked.CompareExchange(ref _state, Started, Queued) == Queued;
    }

    public override void Run(DbConnection connection) => _result = _work(connection);

    public override void Succeed() => _done.TrySetResult(_result!);

    public override void Fail(Exception exception) => _done.TrySetException(exception);

    private void Cancel()
    {
        if (Interlocked.CompareExchange(ref _state, Cancelled, Queued) == Queued)
        {
            _done.TrySetCanceled(_cancellationToken);
        }
    }
}
