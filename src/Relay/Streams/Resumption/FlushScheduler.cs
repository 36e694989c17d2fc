using System.IO.Pipelines;

namespace Relay.Streams.Resumption;

/// <summary>
/// For a pipe's reader: what a flush by <see cref="FlushAsync"/> brings is read right there, within it. All else that ends a read, such as
/// cancelling it, goes to the thread pool: whoever cancels may hold locks.
/// </summary>
internal sealed class FlushScheduler : PipeScheduler
{
    private int _flushing;

    /// <summary>Flushes; one at a time.</summary>
    public ValueTask<FlushResult> FlushAsync(PipeWriter writer)
    {
        Volatile.Write(ref _flushing, Environment.CurrentManagedThreadId);
        try
        {
            return writer.FlushAsync(CancellationToken.None);
        }
        finally
        {
            Volatile.Write(ref _flushing, 0);
        }
    }

    /// <inheritdoc/>
    public override void Schedule(Action<object?> action, object? state)
    {
        ArgumentNullException.ThrowIfNull(action);
        if (Volatile.Read(ref _flushing) == Environment.CurrentManagedThreadId)
        {
            action(state);
        }
        else
        {
            ThreadPool.Schedule(action, state);
        }
    }
}
