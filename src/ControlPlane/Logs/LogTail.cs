namespace ControlPlane.Logs;

/// <summary>
/// A buffer of one agent's newest lines, which all its followers share: the database is read once for each batch. The buffer holds the last
/// <see cref="MaxBatches"/> batches. A follower that has fallen further behind reads the database itself, as it does at its start.
/// </summary>
internal sealed class LogTail(long position)
{
    private const int MaxBatches = 8;

    private readonly Lock _lock = new();
    private readonly Queue<LogBatch> _batches = new(MaxBatches);
    private TaskCompletionSource _changed = NewSignal();
    private long _position = position;
    private bool _ended;
    private Exception? _failure;

    /// <summary>The id of the last line that was read.</summary>
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

    /// <summary>The next step of a follower that has sent all lines up to the id <paramref name="after"/>.</summary>
    /// <exception cref="InvalidOperationException">The tail has failed, and the follower has all lines that were read before.</exception>
    public TailStep Next(long after)
    {
        lock (_lock)
        {
            foreach (var batch in _batches)
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
        // Serialized once for all followers.
        LogBatch batch;
        TaskCompletionSource changed;
        ReadOnlyMemory<byte>[] messages = [.. LogMessages.Of(lines, maxMessageBytes)];
        lock (_lock)
        {
            batch = new LogBatch(_position, lines[^1].Id, lines, messages);
            if (_batches.Count == MaxBatches)
            {
                _batches.Dequeue();
            }

            _batches.Enqueue(batch);
            _position = batch.UpTo;
            (changed, _changed) = (_changed, NewSignal());
        }

        changed.TrySetResult();
    }

    /// <summary>Ends the tail of a deleted agent.</summary>
    public void End() => End(null);

    /// <summary>Ends the tail with an error. Followers get it after the lines that were read before.</summary>
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

/// <summary>Lines with ids above <paramref name="After"/> and up to <paramref name="UpTo"/>, and their serialized messages.</summary>
internal sealed record LogBatch(long After, long UpTo, IReadOnlyList<LogLine> Lines, IReadOnlyList<ReadOnlyMemory<byte>> Messages);

/// <summary>The next step of a follower.</summary>
internal readonly record struct TailStep(TailStepKind Kind, LogBatch? Batch = null, Task? Changed = null);

/// <summary>The kinds of <see cref="TailStep"/>.</summary>
internal enum TailStepKind
{
    /// <summary>The follower sends the batch, or the part of it that it has not sent yet.</summary>
    Batch,

    /// <summary>The follower reads the database, since the buffer no longer has its next line.</summary>
    Behind,

    /// <summary>The follower is up to date, and waits for a change.</summary>
    Wait,

    /// <summary>The follower is up to date, and the agent is deleted.</summary>
    Ended,
}
