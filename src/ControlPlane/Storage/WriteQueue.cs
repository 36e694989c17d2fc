using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>
/// Runs the process's writes one after another, so that they do not compete for the database's locks, which isolate only different
/// processes. Writes that arrive during a commit share the next transaction, since a commit of many writes costs as much as a commit of
/// one.
/// </summary>
/// <param name="engine">The database.</param>
/// <param name="failed">Called once for each failed transaction.</param>
internal sealed class WriteQueue(DatabaseEngine engine, Action<Exception>? failed = null)
{
    // The first write of a batch waits for all others: this bounds its wait.
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

    /// <summary>Runs batches until the queue is empty.</summary>
    private void Run()
    {
        while (Take() is { } batch)
        {
            if (!TryCommit(batch))
            {
                // One write failed. Separate transactions keep the others from failing with it.
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
                if (write.TryStart())
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

    /// <summary>
    /// Runs the writes in one transaction and completes them. False when one of several writes throws: the transaction is rolled back then,
    /// and no write is completed.
    /// </summary>
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
                if (exception is DbException transient && engine.IsTransient(transient) && attempt < MaxAttempts)
                {
                    continue;
                }

                if (inWork && batch.Count > 1)
                {
                    return false;
                }

                // The write's caller gets the exception, and logs it.
                failed?.Invoke(exception);
                batch.ForEach(write => write.Fail(exception));
                return true;
            }
        }
    }
}
