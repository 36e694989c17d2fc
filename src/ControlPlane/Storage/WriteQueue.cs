using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>
/// The writes of this process, one after another, so that they do not poll for the database's own locks, which are left to settle writes
/// of different processes. Those that wait while a transaction is committed share the next one: a commit costs the same for many.
/// </summary>
/// <param name="engine">The database.</param>
/// <param name="failed">Told once of each transaction that fails.</param>
internal sealed class WriteQueue(DatabaseEngine engine, Action<Exception>? failed = null)
{
    // So that the first of them does not wait long for the last.
    private const int MaxBatch = 64;
    private const int MaxAttempts = 20;

    private readonly Lock _lock = new();
    private readonly Queue<QueuedWrite> _waiting = new();
    private bool _isRunning;

    public Task<T> AddAsync<T>(Func<DbConnection, T> work, CancellationToken cancellationToken)
    {
        var write = new QueuedWrite<T>(work, cancellationToken);
        lock (_lock)
        {
            _waiting.Enqueue(write);
            if (_isRunning)
            {
                return write.Task;
            }

            _isRunning = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(static queue => queue.Run(), this, preferLocal: false);
        return write.Task;
    }

    /// <summary>Until nothing waits.</summary>
    private void Run()
    {
        while (Take() is { } batch)
        {
            if (!TryCommit(batch))
            {
                // One of them fails; the others must not.
                foreach (var write in batch)
                {
                    TryCommit([write]);
                }
            }
        }
    }

    private List<QueuedWrite>? Take()
    {
        lock (_lock)
        {
            var batch = new List<QueuedWrite>();
            while (batch.Count < MaxBatch && _waiting.TryDequeue(out var write))
            {
                if (write.TryBegin())
                {
                    batch.Add(write);
                }
            }

            if (batch.Count > 0)
            {
                return batch;
            }

            _isRunning = false;
            return null;
        }
    }

    /// <summary>Runs them in one transaction and tells each how it went. False when one of several fails: then nothing is stored, nor told.</summary>
    private bool TryCommit(List<QueuedWrite> batch)
    {
        for (var attempt = 1; ; attempt++)
        {
            var inWork = false;
            DbConnection? connection = null;
            try
            {
                connection = engine.Rent();
                using (var transaction = engine.BeginWrite(connection))
                {
                    inWork = true;
                    foreach (var write in batch)
                    {
                        write.Run(connection);
                    }

                    inWork = false;
                    transaction.Commit();
                }

                engine.Return(connection);
                batch.ForEach(static write => write.Succeed());
                return true;
            }
            catch (Exception exception)
            {
                engine.Discard(connection, exception);
                if (exception is DbException passing && engine.MayPass(passing) && attempt < MaxAttempts)
                {
                    continue;
                }

                if (inWork && batch.Count > 1)
                {
                    return false;
                }

                // Whoever waits for a write has the exception, and logs it.
                failed?.Invoke(exception);
                batch.ForEach(write => write.Fail(exception));
                return true;
            }
        }
    }
}
