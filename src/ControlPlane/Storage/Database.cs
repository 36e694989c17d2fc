using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>
/// The process's database. Reads run concurrently. Writes pass a queue and share transactions (<see cref="WriteQueue"/>).
/// </summary>
internal sealed class Database : IDisposable
{
    private readonly WriteQueue _writes;
    private int _fault;

    public Database(DatabaseEngine engine)
    {
        Engine = engine;
        _writes = new WriteQueue(engine, Observe);
    }

    public DatabaseEngine Engine { get; }

    /// <summary>
    /// The result of the last probe (<see cref="DatabaseHealth"/>). While it is unreachable, every operation fails at once.
    /// </summary>
    public DatabaseFault Fault
    {
        get => (DatabaseFault)Volatile.Read(ref _fault);
        set => Volatile.Write(ref _fault, (int)value);
    }

    /// <summary>Called for each operation that failed because of the database's state.</summary>
    public Action<DbException>? Failed { get; set; }

    /// <summary>Creates SQLite's file if it is missing, and brings the schema up to date.</summary>
    /// <exception cref="ControlPlaneException">
    /// The database cannot be created or reached, has an unknown schema version, or has a newer one than this program.
    /// </exception>
    public async Task CreateAsync()
    {
        try
        {
            Engine.Prepare();
            await using var connection = Engine.Rent();
            await Migrations.ApplyAsync(Engine, connection, Engine.SchemaSteps);
        }
        catch (Exception exception) when (exception is DbException or IOException or UnauthorizedAccessException)
        {
            throw new ControlPlaneException($"The database {Engine.Name} cannot be opened: {exception.Message}", exception);
        }
    }

    /// <summary>Runs a query. PostgreSQL's answer blocks no thread. A query of SQLite completes synchronously.</summary>
    public async ValueTask<T> ReadAsync<T>(Func<DbConnection, ValueTask<T>> query)
    {
        ThrowIfUnreachable();
        DbConnection? connection = null;
        try
        {
            connection = await Engine.RentAsync();
            var result = await query(connection);
            Engine.Return(connection);
            return result;
        }
        catch (Exception exception)
        {
            Engine.Discard(connection, exception);
            Observe(exception);
            throw;
        }
    }

    /// <summary>Runs several queries that see the same snapshot of the database.</summary>
    public ValueTask<T> SnapshotAsync<T>(Func<DbConnection, ValueTask<T>> query) => ReadAsync(async connection =>
    {
        await using var transaction = Engine.BeginSnapshot(connection);
        return await query(connection);
    });

    /// <summary>
    /// Runs <paramref name="work"/> in a serializable transaction, and completes after the commit. An exception rolls the work back. The
    /// work may run more than once, so that it must have no effect outside the database.
    /// </summary>
    /// <exception cref="OperationCanceledException">The write was cancelled in the queue, and has not run.</exception>
    public Task<T> WriteAsync<T>(Func<DbConnection, T> work, CancellationToken cancellationToken)
    {
        ThrowIfUnreachable();
        return _writes.AddAsync(work, cancellationToken);
    }

    /// <summary>
    /// Runs <paramref name="work"/> once, in a transaction of its own, while no other process runs such work. It serves the start: the work
    /// may be slow, and may have effects outside the database.
    /// </summary>
    public async Task<T> WriteExclusiveAsync<T>(Func<DbConnection, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        await using var connection = Engine.Rent();
        return await Engine.RunExclusiveAsync(connection, async () =>
        {
            await using var transaction = Engine.BeginWrite(connection);
            var result = await work(connection, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            return result;
        });
    }

    /// <summary>
    /// Whether the database's state has caused the exception, and not the statement. <see cref="DatabaseHealth"/> counts such exceptions
    /// and logs an outage once, so that callers do not log them.
    /// </summary>
    public bool IsOutage(Exception exception) =>
        exception is DatabaseUnavailableException || (exception is DbException failure && Engine.FaultOf(failure) != DatabaseFault.None);

    /// <summary>Reports a failure to <see cref="Failed"/>. Owners of other connections to the database call it too.</summary>
    public void Observe(Exception exception)
    {
        if (exception is DbException failure && IsOutage(exception))
        {
            Failed?.Invoke(failure);
        }
    }

    public void Dispose() => Engine.Dispose();

    private void ThrowIfUnreachable()
    {
        if (Fault == DatabaseFault.Unreachable)
        {
            var failure = new DatabaseUnavailableException();
            Observe(failure);
            throw failure;
        }
    }
}
