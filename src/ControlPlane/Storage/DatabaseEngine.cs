using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>
/// A kind of database: PostgreSQL or SQLite. An engine contains all differences between the two. Statements are common to both: they use
/// <c>@name</c> parameters, and SQL that both understand.
/// </summary>
internal abstract class DatabaseEngine : IDisposable
{
    /// <summary>The database's name in logs, without credentials.</summary>
    public abstract string Name { get; }

    /// <summary>PostgreSQL when a connection string is given, otherwise SQLite in the data directory.</summary>
    public static DatabaseEngine For(ControlPlaneOptions options) =>
        options.Database is { } connectionString ? new PostgresEngine(connectionString) : new SqliteEngine(options);

    /// <summary>Creates or checks what the first connection needs.</summary>
    /// <exception cref="ControlPlaneException">The database has an encoding that this program cannot use.</exception>
    /// <exception cref="IOException">The database file cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">The process has no permission for the database file.</exception>
    public abstract void Prepare();

    /// <summary>An open connection. The caller returns it after success, and discards it after a failure.</summary>
    /// <exception cref="DbException">The database cannot be reached or opened.</exception>
    public abstract DbConnection Rent();

    /// <summary>As <see cref="Rent"/>. Does not block a thread on the network.</summary>
    public virtual ValueTask<DbConnection> RentAsync() => new(Rent());

    public abstract void Return(DbConnection connection);

    /// <summary>Closes a connection after a failure, and idle connections that would fail in the same way.</summary>
    public virtual void Discard(DbConnection? connection, Exception exception) => connection?.Dispose();

    /// <summary>Closes the connections in the pool.</summary>
    public abstract void CloseIdleConnections();

    /// <summary>A serializable transaction.</summary>
    public abstract DbTransaction BeginWrite(DbConnection connection);

    /// <summary>A transaction whose queries see the same snapshot of the database.</summary>
    public abstract DbTransaction BeginSnapshot(DbConnection connection);

    /// <summary>Whether the failed transaction may succeed in a retry from its start.</summary>
    public abstract bool IsTransient(DbException exception);

    /// <summary>
    /// The database's state according to an exception. <see cref="DatabaseFault.None"/> when only the statement is at fault.
    /// </summary>
    public abstract DatabaseFault FaultOf(DbException exception);

    /// <summary>Checks whether the database serves reads and writes.</summary>
    /// <exception cref="DbException">The check failed. <see cref="FaultOf"/> tells why.</exception>
    public abstract Task<DatabaseFault> ProbeAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Runs <paramref name="work"/> under a lock that all processes on the database share. Only the start needs it: the database itself
    /// isolates ordinary transactions.
    /// </summary>
    public abstract Task<T> RunExclusiveAsync<T>(DbConnection connection, Func<Task<T>> work);

    /// <summary>The schema's version (<see cref="Migrations"/>). 0 for a new database.</summary>
    public abstract long VersionOf(DbConnection connection);

    public abstract void SetVersion(DbConnection connection, long version);

    /// <summary>
    /// The schema's steps in this database's SQL, oldest first. All engines have the same number of steps. A released step never changes: a
    /// change of the schema appends a step.
    /// </summary>
    public abstract IReadOnlyList<string> SchemaSteps { get; }

    /// <summary>A number that changes with every commit of any process. Null where the database has none.</summary>
    public virtual long? DataVersion() => null;

    /// <summary>The channel for notices between processes on this database. Null where the database has none.</summary>
    public virtual PostgresNotices? Notices => null;

    public abstract void Dispose();
}
