using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>The one database of this process. Reads are the callers' own; writes queue, and share transactions (<see cref="WriteQueue"/>).</summary>
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

    /// <summary>What the last probe found (<see cref="DatabaseHealth"/>). While it is unreachable, nothing is tried.</summary>
    public DatabaseFault Fault
    {
        get => (DatabaseFault)Volatile.Read(ref _fault);
        set => Volatile.Write(ref _fault, (int)value);
    }

    /// <summary>Told of each operation that failed because of the database's state.</summary>
    public Action<DbException>? Failed { get; set; }

    /// <summary>Makes the database where it can be made, and brings its schema up to date.</summary>
    /// <exception cref="ControlPlaneException">It cannot be made or reached, is no database of ours, or is newer than this program.</exception>
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

    /// <summary>Runs a query. On PostgreSQL no thread waits for the answer; on SQLite it is there when this returns.</summary>
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

    /// <summary>As <see cref="ReadAsync"/>, where several statements see one state of the store.</summary>
    public ValueTask<T> SnapshotAsync<T>(Func<DbConnection, ValueTask<T>> query) => ReadAsync(async connection =>
    {
        await using var transaction = Engine.BeginSnapshot(connection);
        return await query(connection);
    });

    /// <summary>
    /// Runs <paramref name="work"/> in a transaction, as if there were no others, and completes when that is committed. A
    /// <paramref name="work"/> that throws leaves nothing behind. It may be run more than once, so that all it does is in the database.
    /// </summary>
    /// <exception cref="OperationCanceledException">It was cancelled before its turn came; it has not run.</exception>
    public Task<T> WriteAsync<T>(Func<DbConnection, T> work, CancellationToken cancellationToken)
    {
        ThrowIfUnreachable();
        return _writes.AddAsync(work, cancellationToken);
    }

    /// <summary>
    /// Runs <paramref name="work"/> once, in a transaction of its own, while no other process does so. For the start: it need not be quick, and it
    /// may do more than write to the database.
    /// </summary>
    public async Task<T> WriteAloneAsync<T>(Func<DbConnection, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        await using var connection = Engine.Rent();
        return await Engine.AloneAsync(connection, async () =>
        {
            await using var transaction = Engine.BeginWrite(connection);
            var result = await work(connection, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            return result;
        });
    }

    /// <summary>
    /// Whether the exception is of the database's state rather than of a statement. Then it is counted, and the log says so once.
    /// </summary>
    public bool IsOutage(Exception exception) =>
        exception is DatabaseUnavailableException || (exception is DbException failure && Engine.FaultOf(failure) != DatabaseFault.None);

    /// <summary>To be told of failures on connections that are not rented here.</summary>
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
