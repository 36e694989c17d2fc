namespace ControlPlane.Logs;

/// <summary>
/// The newest lines of one agent as its followers share them: the store is read once for each batch, however many follow. A few batches are
/// kept; a follower that has fallen behind them reads the store for itself, as it does to catch up at first.
/// </summary>
internal sealed class LogTail(long position)
{
    private const int KeptBatches = 8;

    private readonly Lock _lock = new();
    private readonly Queue<LogBatch> _kept = new(KeptBatches);
    private TaskCompletionSource _changed = NewSignal();
    private long _position = position;
    private bool _ended;
    private Exception? _failure;

    /// <summary>The id up to which lines have been read.</summary>
    public long Position
    {
        get
        {
            lock (_lock)
            {
                return _position;
            }
        }
    }

    /// <summary>What comes for a follower that has the lines up to an id.</summary>
    /// <exception cref="InvalidOperationException">The tail has failed.</exception>
    public TailStep Next(long after)
    {
        lock (_lock)
        {
            foreach (var batch in _kept)
            {
                if (batch.UpTo > after)
                {
                    return batch.After <= after ? new TailStep(TailStepKind.Batch, Batch: batch) : new TailStep(TailStepKind.Behind);
                }
            }

            return _position > after ? new TailStep(TailStepKind.Behind)
                : _failure is { } failure ? throw new InvalidOperationException("The tail of the log has failed.", failure)
                : _ended ? new TailStep(TailStepKind.Ended)
                : new TailStep(TailStepKind.Wait, Changed: _changed.Task);
        }
    }

    /// <summary>Adds the lines that follow <see cref="Position"/>, and wakes the followers.</summary>
    public void Add(IReadOnlyList<LogLine> lines, int maxMessageBytes)
    {
        // Written once for all of them.
        LogBatch batch;
        TaskCompletionSource changed;
        ReadOnlyMemory<byte>[] messages = [.. LogMessages.Of(lines, maxMessageBytes)];
        lock (_lock)
        {
            batch = new LogBatch(_position, lines[^1].Id, lines, messages);
            if (_kept.Count == KeptBatches)
            {
                _kept.Dequeue();
            }

            _kept.Enqueue(batch);
            _position = batch.UpTo;
            (changed, _changed) = (_changed, NewSignal());
        }

        changed.TrySetResult();
    }

    /// <summary>The agent is gone: no lines come any more.</summary>
    public void End() => End(null);

    /// <summary>No lines can be read any more: the followers end with this error once they have what was read.</summary>
    public void Fail(Exception failure) => End(failure);

    private void End(Exception? failure)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            (_ended, _failure) = (true, failure);
            changed = _changed;
        }

        changed.TrySetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>Lines with ids above <paramref name="After"/> and up to <paramref name="UpTo"/>, and the messages that carry them all.</summary>
internal sealed record LogBatch(long After, long UpTo, IReadOnlyList<LogLine> Lines, IReadOnlyList<ReadOnlyMemory<byte>> Messages);

/// <summary>What a follower does next.</summary>
internal readonly record struct TailStep(TailStepKind Kind, LogBatch? Batch = null, Task? Changed = null);

/// <summary>The kinds of <see cref="TailStep"/>.</summary>
internal enum TailStepKind
{
    /// <summary>It sends the batch, or what it has not yet of it.</summary>
    Batch,

    /// <summary>It reads the store for itself: what it needs is no longer kept.</summary>
    Behind,

    /// <summary>It has everything, and waits for a change.</summary>
    Wait,

    /// <summary>It has everything, and no more comes.</summary>
    Ended,
}
