using System.Collections.Concurrent;
using System.Data.Common;
using ControlPlane.Storage.Schema;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ControlPlane.Storage;

/// <summary>SQLite, in the file <c>edge.db</c> of the data directory.</summary>
/// <remarks>
/// WAL with synchronous=NORMAL: what a commit acknowledged survives the death of the process (kill -9), and the file stays whole
/// through a power cut, which may however lose the last commits. Full synchronisation would cost one disk flush for each batch of log lines.
/// </remarks>
internal sealed class SqliteEngine : DatabaseEngine
{
    public const string FileName = "edge.db";

    private const int MaxIdle = 16;

    // Once the disk was full: what a request may need at most, so that one that just fits does not look like recovery.
    private const long EnoughSpace = 8 << 20;

    private const int MovedCode = 1032; // SQLITE_READONLY_DBMOVED

    private readonly ConcurrentBag<SqliteSession> _idle = [];
    private readonly string _connectionString;
    private readonly string _pragmas;
    private readonly TimeSpan _busyTimeout;
    private readonly Lock _gate = new();
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
            Mode = SqliteOpenMode.ReadWrite, // never makes the file: Prepare does, with its permissions
            ForeignKeys = true,
            Pooling = false, // kept here, with their statements
            DefaultTimeout = Math.Max(1, (int)Math.Ceiling(options.DatabaseBusyTimeout.TotalSeconds)),
        }.ToString();
        _busyTimeout = options.DatabaseBusyTimeout;
        _pragmas = FormattableString.Invariant(
            $"PRAGMA busy_timeout = {(long)options.DatabaseBusyTimeout.TotalMilliseconds}; PRAGMA synchronous = NORMAL;");
    }

    public string FilePath { get; }

    public override string Name => FilePath;

    public override IReadOnlyList<string> SchemaSteps { get; } = [SchemaFile.Read("sqlite.sql")];

    /// <summary>Makes the file when it is not there (mode 0600; SQLite gives its side files the same).</summary>
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
        lock (_gate)
        {
            try
            {
                _dataVersion ??= new SqliteDataVersion(Open());
            }
            catch (SqliteException)
            {
                // The query that takes place instead tells why.
                return null;
            }

            // A connection's numbers are its own.
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
            // ConcurrentBag.Count would take all of its locks.
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
        lock (_gate)
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
    /// Holds the write lock from its start, so that it never has to give way to another writer half-way. Nothing is written to a file that
    /// was deleted or moved: it would be acknowledged, and lost.
    /// </summary>
    public override DbTransaction BeginWrite(DbConnection connection)
    {
        var sqlite = (SqliteConnection)connection;
        return SqliteFile.HasMoved(sqlite.Handle!)
            ? throw new SqliteException("The database file was deleted or moved.", raw.SQLITE_READONLY, MovedCode)
            : sqlite.BeginTransaction(deferred: false);
    }

    public override DbTransaction BeginSnapshot(DbConnection connection) => ((SqliteConnection)connection).BeginTransaction(deferred: true);

    /// <summary>Waiting for the lock is all there is to wait for, and it has been waited for.</summary>
    public override bool MayPass(DbException exception) => false;

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
                return failure.SqliteExtendedErrorCode == MovedCode ? DatabaseFault.FileGone : DatabaseFault.ReadOnly;
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
        if (_wasFull && new DriveInfo(Path.GetDirectoryName(FilePath)!).AvailableFreeSpace < EnoughSpace)
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
                // Another file may be there by now, or come.
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

    /// <summary>The write lock, which the work takes, keeps the others out.</summary>
    public override Task<T> AloneAsync<T>(DbConnection connection, Func<Task<T>> work) => work();

    public override long VersionOf(DbConnection connection) => connection.Count("PRAGMA user_version");

    // A pragma takes no parameters; this is our own number.
    public override void SetVersion(DbConnection connection, long version) =>
        connection.Execute(FormattableString.Invariant($"PRAGMA user_version = {version}"));

    public override void Dispose() => CloseIdleConnections();
}
