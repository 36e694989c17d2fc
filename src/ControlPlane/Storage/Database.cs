using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace ControlPlane.Storage;

/// <summary>
/// The one SQLite database of this process. Reads run on any request's thread; writes queue here, one at a time, so that they do
/// not poll for SQLite's own lock, which is left to settle writes of different processes.
/// </summary>
/// <remarks>
/// WAL with synchronous=NORMAL: what a commit acknowledged survives the death of the process (kill -9), and the file stays whole
/// through a power cut, which may however lose the last commits. Full synchronisation would cost one disk flush for each batch of log lines.
/// </remarks>
internal sealed class Database : IDisposable
{
    public const string FileName = "edge.db";

    private readonly SemaphoreSlim _writer = new(1, 1);
    private readonly string _connectionString;
    private readonly string _pragmas;

    public Database(ControlPlaneOptions options)
    {
        FilePath = Path.Combine(options.DataDirectory, FileName);
        _connectionString = new SqliteConnectionStringBuilder
        {
            DataSource = FilePath,
            Mode = SqliteOpenMode.ReadWrite, // never makes the file: Create does, with its permissions
            ForeignKeys = true,
            Pooling = true,
            DefaultTimeout = Math.Max(1, (int)Math.Ceiling(options.DatabaseBusyTimeout.TotalSeconds)),
        }.ToString();
        _pragmas = FormattableString.Invariant(
            $"PRAGMA busy_timeout = {(long)options.DatabaseBusyTimeout.TotalMilliseconds}; PRAGMA synchronous = NORMAL;");
    }

    public string FilePath { get; }

    /// <summary>Makes the file when it is not there (mode 0600; SQLite gives its side files the same), and brings its schema up to date.</summary>
    /// <exception cref="ControlPlaneException">The file cannot be made, is no database of ours, or is newer than this program.</exception>
    public void Create()
    {
        try
        {
            CreateFile();
            using var connection = Open();
            connection.Execute("PRAGMA journal_mode = WAL");
            Migrations.Apply(connection, Migrations.All);
        }
        catch (Exception exception) when (exception is SqliteException or IOException or UnauthorizedAccessException)
        {
            throw new ControlPlaneException($"The database {FilePath} cannot be opened: {exception.Message}", exception);
        }
    }

    public SqliteConnection Open()
    {
        var connection = new SqliteConnection(_connectionString);
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

    public T Read<T>(Func<DbConnection, T> query)
    {
        using var connection = Open();
        return query(connection);
    }

    /// <summary>As <see cref="Read"/>, where several statements see one state of the store.</summary>
    public T Snapshot<T>(Func<DbConnection, T> query)
    {
        using var connection = Open();
        using var transaction = connection.BeginTransaction(deferred: true);
        return query(connection);
    }

    /// <summary>Runs <paramref name="work"/> in one transaction that holds the write lock from its start, and commits it.</summary>
    public Task<T> WriteAsync<T>(Func<DbConnection, T> work, CancellationToken cancellationToken) =>
        WriteAsync((connection, _) => Task.FromResult(work(connection)), cancellationToken);

    /// <summary>As above; a <paramref name="work"/> that throws leaves nothing behind.</summary>
    public async Task<T> WriteAsync<T>(Func<DbConnection, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        await _writer.WaitAsync(cancellationToken);
        try
        {
            using var connection = Open();
            using var transaction = connection.BeginTransaction(deferred: false);
            var result = await work(connection, cancellationToken);
            transaction.Commit();
            return result;
        }
        finally
        {
            _writer.Release();
        }
    }

    /// <summary>Whether a query gets an answer from a schema that this program knows.</summary>
    public bool Answers()
    {
        try
        {
            return Read(static connection => Migrations.VersionOf(connection)) == Migrations.All.Count;
        }
        catch (SqliteException)
        {
            return false;
        }
    }

    /// <summary>Closes the connections kept for reuse.</summary>
    public void CloseIdleConnections()
    {
        using var connection = new SqliteConnection(_connectionString);
        SqliteConnection.ClearPool(connection);
    }

    public void Dispose()
    {
        CloseIdleConnections();
        _writer.Dispose();
    }

    private void CreateFile()
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
    }
}
