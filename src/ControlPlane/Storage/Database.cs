using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>The one database of this process. Reads run on any request's thread; writes queue, and share transactions (<see cref="WriteQueue"/>).</summary>
internal sealed class Database : IDisposable
{
    private readonly WriteQueue _writes;

    public Database(DatabaseEngine engine)
    {
        Engine = engine;
        _writes = new WriteQueue(engine);
    }

    public DatabaseEngine Engine { get; }

    /// <summary>Makes the database where it can be made, and brings its schema up to date.</summary>
    /// <exception cref="ControlPlaneException">It cannot be made or reached, is no database of ours, or is newer than this program.</exception>
    public async Task CreateAsync()
    {
        try
        {
            Engine.Prepare();
            await using var connection = Engine.Rent();
            await Migrations.ApplyAsync(Engine, connection, Migrations.All);
        }
        catch (Exception exception) when (exception is DbException or IOException or UnauthorizedAccessException)
        {
            throw new ControlPlaneException($"The database {Engine.Name} cannot be opened: {exception.Message}", exception);
        }
    }

    public T Read<T>(Func<DbConnection, T> query)
    {
        var connection = Engine.Rent();
        try
        {
            var result = query(connection);
            Engine.Return(connection);
            return result;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>As <see cref="Read"/>, where several statements see one state of the store.</summary>
    public T Snapshot<T>(Func<DbConnection, T> query) => Read(connection =>
    {
        using var transaction = Engine.BeginSnapshot(connection);
        return query(connection);
    });

    /// <summary>
    /// Runs <paramref name="work"/> in a transaction, as if there were no others, and completes when that is committed. A
    /// <paramref name="work"/> that throws leaves nothing behind. It may be run more than once, so that all it does is in the database.
    /// </summary>
    /// <exception cref="OperationCanceledException">It was cancelled before its turn came; it has not run.</exception>
    public Task<T> WriteAsync<T>(Func<DbConnection, T> work, CancellationToken cancellationToken) => _writes.AddAsync(work, cancellationToken);

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

    /// <summary>Whether a query gets an answer from a schema that this program knows.</summary>
    public bool Answers()
    {
        try
        {
            return Read(Engine.VersionOf) == Migrations.All.Count;
        }
        catch (DbException)
        {
            return false;
        }
    }

    public void Dispose() => Engine.Dispose();
}
