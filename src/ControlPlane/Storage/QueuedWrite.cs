using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>A write that waits for its turn in the <see cref="WriteQueue"/>.</summary>
internal abstract class QueuedWrite
{
    /// <summary>Its turn has come. False when it was given up before.</summary>
    public abstract bool TryBegin();

    /// <summary>Does the work, perhaps again; what it throws is the caller's to tell.</summary>
    public abstract void Run(DbConnection connection);

    /// <summary>The last run is committed.</summary>
    public abstract void Succeed();

    public abstract void Fail(Exception exception);
}

/// <inheritdoc/>
internal sealed class QueuedWrite<T> : QueuedWrite
{
    private const int Waiting = 0;
    private const int Begun = 1;
    private const int GivenUp = 2;

    // Those who wait go on elsewhere: the queue has others to serve.
    private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Func<DbConnection, T> _work;
    private readonly CancellationToken _cancellationToken;
    private readonly CancellationTokenRegistration _registration;
    private int _state;
    private T? _result;

    public QueuedWrite(Func<DbConnection, T> work, CancellationToken cancellationToken)
    {
        (_work, _cancellationToken) = (work, cancellationToken);
        _registration = cancellationToken.UnsafeRegister(static write => ((QueuedWrite<T>)write!).GiveUp(), this);
    }

    public Task<T> Task => _done.Task;

    public override bool TryBegin()
    {
        // Not disposed of: that would wait for a callback that is running.
        _registration.Unregister();
        return Interlocked.CompareExchange(ref _state, Begun, Waiting) == Waiting;
    }

    public override void Run(DbConnection connection) => _result = _work(connection);

    public override void Succeed() => _done.TrySetResult(_result!);

    public override void Fail(Exception exception) => _done.TrySetException(exception);

    private void GiveUp()
    {
        if (Interlocked.CompareExchange(ref _state, GivenUp, Waiting) == Waiting)
        {
            _done.TrySetCanceled(_cancellationToken);
        }
    }
}
