using System.Collections.Concurrent;
using System.Data.Common;
using ControlPlane.Storage.Schema;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ControlPlane.Storage;

/// <summary>SQLite, in the file <c>edge.db</c> of the data directory.</summary>
/// <remarks>
/// The engine uses WAL with synchronous=NORMAL. Committed transactions survive the death of the process (kill -9). A power cut may lose the
/// last commits, but does not damage the file. synchronous=FULL would cost a disk flush for each batch of log lines.
/// </remarks>
internal sealed class SqliteEngine : DatabaseEngine
{
    public const string FileName = "edge.db";

    private const int MaxIdle = 16;

    // The free space that ends the state "disk full". It is more than a request needs, so that one small write does not look like a
    // recovery.
    private const long RecoveryFreeBytes = 8 << 20;

    private const int DatabaseMovedCode = 1032; // SQLITE_READONLY_DBMOVED

    private readonly ConcurrentBag<SqliteSession> _idle = [];
    private readonly string _connectionString;
    private readonly string _pragmas;
    private readonly TimeSpan _busyTimeout;
    private readonly Lock _dataVersionLock = new();
    private SqliteDataVersion? _dataVersion;
    private int _idleCount;
    private volatile int _generation;
    private volatile bool _wasFull;

    public SqliteEngine(ControlPlaneOptions options)
    {
        FilePath = Path.Combine(options.DataDirectory, FileName);
        _connectionString = new SqliteConnectionStringBuilder
        {
            DataSource = FilePath,
            Mode = SqliteOpenMode.ReadWrite, // does not create the file: Prepare does, with its permissions
            ForeignKeys = true,
            Pooling = false, // the engine pools connections itself, with their prepared statements
            DefaultTimeout = Math.Max(1, (int)Math.Ceiling(options.DatabaseBusyTimeout.TotalSeconds)),
        }.ToString();
        _busyTimeout = options.DatabaseBusyTimeout;
        _pragmas = FormattableString.Invariant(
            $"PRAGMA busy_timeout = {(long)options.DatabaseBusyTimeout.TotalMilliseconds}; PRAGMA synchronous = NORMAL;");
    }

    public string FilePath { get; }

    public override string Name => FilePath;

    public override IReadOnlyList<string> SchemaSteps { get; } = [SchemaFile.Read("sqlite.sql")];

    /// <summary>Creates the file if it is missing, with mode 0600. SQLite gives its WAL files the same mode.</summary>
    public override void Prepare()
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (new FileStream(FilePath, options))
        {
        }

        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(FilePath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        using var connection = Rent();
        connection.Execute("PRAGMA journal_mode = WAL");
    }

    public override DbConnection Rent()
    {
        if (!_idle.TryTake(out var idle))
        {
            return Open();
        }

        Interlocked.Decrement(ref _idleCount);
        return idle;
    }

    public override long? DataVersion()
    {
        lock (_dataVersionLock)
        {
            try
            {
                _dataVersion ??= new SqliteDataVersion(Open());
            }
            catch (SqliteException)
            {
                // The caller queries the database instead, which reports the fault.
                return null;
            }

            // Each connection has its own sequence of numbers, so that the generation is a part of the result.
            return _dataVersion.Read() is { } version ? version + ((long)_generation << 32) : null;
        }
    }

    private SqliteSession Open()
    {
        var connection = new SqliteSession(_connectionString) { Generation = _generation };
        try
        {
            connection.Open();
            connection.Execute(_pragmas);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public override void Return(DbConnection connection)
    {
        if (connection is SqliteSession session && session.Generation == _generation)
        {
            // A counter of its own, since ConcurrentBag.Count takes all of the bag's locks.
            if (Interlocked.Increment(ref _idleCount) <= MaxIdle)
            {
                _idle.Add(session);
                return;
            }

            Interlocked.Decrement(ref _idleCount);
        }

        connection.Dispose();
    }

    public override void CloseIdleConnections()
    {
        Interlocked.Increment(ref _generation);
        lock (_dataVersionLock)
        {
            _dataVersion?.Dispose();
            _dataVersion = null;
        }

        while (_idle.TryTake(out var connection))
        {
            Interlocked.Decrement(ref _idleCount);
            connection.Dispose();
        }
    }

    /// <summary>
    /// Takes the write lock at the start, so that the transaction cannot fail half-way because of another writer. Refuses a file that was
    /// deleted or moved: the commit would succeed, and its data would be lost.
    /// </summary>
    public override DbTransaction BeginWrite(DbConnection connection)
    {
        var sqlite = (SqliteConnection)connection;
        return SqliteFile.HasMoved(sqlite.Handle!)
            ? throw new SqliteException("The database file was deleted or moved.", raw.SQLITE_READONLY, DatabaseMovedCode)
            : sqlite.BeginTransaction(deferred: false);
    }

    public override DbTransaction BeginSnapshot(DbConnection connection) => ((SqliteConnection)connection).BeginTransaction(deferred: true);

    /// <summary>A lock held by another process is the only temporary failure, and the busy time-out has covered it.</summary>
    public override bool IsTransient(DbException exception) => false;

    public override DatabaseFault FaultOf(DbException exception)
    {
        if (exception is not SqliteException failure)
        {
            return DatabaseFault.None;
        }

        switch (failure.SqliteErrorCode)
        {
            case raw.SQLITE_FULL:
                _wasFull = true;
                return DatabaseFault.DiskFull;
            case raw.SQLITE_READONLY:
                return failure.SqliteExtendedErrorCode == DatabaseMovedCode ? DatabaseFault.FileGone : DatabaseFault.ReadOnly;
            case raw.SQLITE_CANTOPEN:
                return File.Exists(FilePath) ? DatabaseFault.Failing : DatabaseFault.FileGone;
            case raw.SQLITE_BUSY:
                return DatabaseFault.NoAnswer;
            case raw.SQLITE_IOERR or raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB or raw.SQLITE_NOMEM or raw.SQLITE_PERM:
                return DatabaseFault.Failing;
            default:
                return DatabaseFault.None;
        }
    }

    public override Task<DatabaseFault> ProbeAsync(CancellationToken cancellationToken)
    {
        if (_wasFull && new DriveInfo(Path.GetDirectoryName(FilePath)!).AvailableFreeSpace < RecoveryFreeBytes)
        {
            return Task.FromResult(DatabaseFault.DiskFull);
        }

        _wasFull = false;
        var session = (SqliteSession)Rent();
        try
        {
            var fault = SqliteProbe.Run(this, session, _busyTimeout);
            if (fault == DatabaseFault.FileGone)
            {
                // The pooled connections have the old file open, while a new one may appear at the path.
                CloseIdleConnections();
            }

            Return(session);
            return Task.FromResult(fault);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Needs no lock of its own: the work takes SQLite's write lock.</summary>
    public override Task<T> RunExclusiveAsync<T>(DbConnection connection, Func<Task<T>> work) => work();

    public override long VersionOf(DbConnection connection) => connection.Count("PRAGMA user_version");

    // A pragma takes no parameters. The number does not come from outside.
    public override void SetVersion(DbConnection connection, long version) =>
        connection.Execute(FormattableString.Invariant($"PRAGMA user_version = {version}"));

    public override void Dispose() => CloseIdleConnections();
}
