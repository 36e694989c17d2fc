using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>
/// A kind of database, and all in which the kinds differ. Statements are the same for each: <c>@name</c> parameters, and SQL that both take.
/// </summary>
internal abstract class DatabaseEngine : IDisposable
{
    /// <summary>What an operator calls this database; without credentials.</summary>
    public abstract string Name { get; }

    /// <summary>PostgreSQL when a connection string is given, otherwise SQLite in the data directory.</summary>
    public static DatabaseEngine For(ControlPlaneOptions options) =>
        options.Database is { } connectionString ? new PostgresEngine(connectionString) : new SqliteEngine(options);

    /// <summary>Makes what must be there before the first connection.</summary>
    /// <exception cref="ControlPlaneException">The database is not of the kind that this program needs.</exception>
    /// <exception cref="IOException">A file cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be made.</exception>
    public abstract void Prepare();

    /// <summary>An open connection. Whoever takes it gives it back when all went well, and disposes of it otherwise.</summary>
    /// <exception cref="DbException">The database cannot be reached or opened.</exception>
    public abstract DbConnection Rent();

    /// <summary>As <see cref="Rent"/>, without a thread that waits where the database is elsewhere.</summary>
    public virtual ValueTask<DbConnection> RentAsync() => new(Rent());

    public abstract void Return(DbConnection connection);

    /// <summary>Closes a connection on which something failed, and those that would fail in the same way.</summary>
    public virtual void Discard(DbConnection? connection, Exception exception) => connection?.Dispose();

    /// <summary>Closes the connections kept for reuse.</summary>
    public abstract void CloseIdleConnections();

    /// <summary>A transaction as if there were no others.</summary>
    public abstract DbTransaction BeginWrite(DbConnection connection);

    /// <summary>A transaction that sees one state of the store.</summary>
    public abstract DbTransaction BeginSnapshot(DbConnection connection);

    /// <summary>Whether a transaction that failed so may succeed when it is run again from its start.</summary>
    public abstract bool MayPass(DbException exception);

    /// <summary>What an exception tells of the database's state; <see cref="DatabaseFault.None"/> when it is about the statement alone.</summary>
    public abstract DatabaseFault FaultOf(DbException exception);

    /// <summary>Does what requests do, reading and writing, and tells what would keep them from it.</summary>
    /// <exception cref="DbException">It failed; see <see cref="FaultOf"/>.</exception>
    public abstract Task<DatabaseFault> ProbeAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Runs <paramref name="work"/> while no other process is in here, on connections to the same database. For the start alone: ordinary
    /// transactions are told apart by the database itself.
    /// </summary>
    public abstract Task<T> AloneAsync<T>(DbConnection connection, Func<Task<T>> work);

    /// <summary>The schema's version (<see cref="Migrations"/>); 0 for a new database.</summary>
    public abstract long VersionOf(DbConnection connection);

    public abstract void SetVersion(DbConnection connection, long version);

    /// <summary>
    /// The schema's steps in this database's words, oldest first; all engines have as many. A released step never changes: a new one is added at the end.
    /// </summary>
    public abstract IReadOnlyList<string> SchemaSteps { get; }

    /// <summary>A number that is another one after every commit of any process; null where the database does not tell.</summary>
    public virtual long? DataVersion() => null;

    /// <summary>What processes on this database say to each other; null where it carries nothing.</summary>
    public virtual PostgresNotices? Notices => null;

    public abstract void Dispose();
}
