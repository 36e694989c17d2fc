using System.Data;
using System.Data.Common;
using System.Net.Sockets;
using ControlPlane.Storage.Schema;
using Npgsql;

namespace ControlPlane.Storage;

/// <summary>
/// PostgreSQL. Write transactions are serializable, so that a transaction's reads stay true until its commit, as with SQLite's single
/// writer. A transaction that fails to serialize is retried.
/// </summary>
internal sealed class PostgresEngine : DatabaseEngine
{
    // The key of the advisory lock: any number that no other program uses in this database.
    private const long LockKey = 0x6564_6765;

    private const int MaxPreparedStatements = 128;
    private const int CommandTimeoutSeconds = 30;
    private const string Encoding = "UTF8";

    private readonly NpgsqlDataSource _source;

    public PostgresEngine(string connectionString)
    {
        var settings = PostgresSetting.Parse(connectionString);
        settings.ApplicationName ??= "edge";

        // ShouldSerialize tells which keywords are set. ContainsKey is true for every keyword that Npgsql knows.
        if (!settings.ShouldSerialize("Max Auto Prepare"))
        {
            settings.MaxAutoPrepare = MaxPreparedStatements;
        }

        if (!settings.ShouldSerialize("Command Timeout"))
        {
            settings.CommandTimeout = CommandTimeoutSeconds;
        }

        // Some of several hosts may be standbys, which refuse writes.
        if (PostgresSetting.HasSeveralHosts(settings) && !settings.ShouldSerialize("Target Session Attributes"))
        {
            settings.TargetSessionAttributes = "read-write";
        }

        Name = FormattableString.Invariant($"{settings.Database ?? settings.Username} on {settings.Host}:{settings.Port}");
        _source = SourceOf(settings);
        Notices = new PostgresNotices(settings, _source);
    }

    public override string Name { get; }

    public override PostgresNotices Notices { get; }

    public override IReadOnlyList<string> SchemaSteps { get; } = [SchemaFile.Read("postgres.sql")];

    /// <summary>
    /// Checks that the database can store any text. With another encoding than UTF-8 it would refuse every line with a character that the
    /// encoding lacks.
    /// </summary>
    public override void Prepare()
    {
        using var connection = Rent();
        using var command = connection.CreateCommand();
        command.CommandText = "SHOW server_encoding";
        if (command.ExecuteScalar() is string encoding && encoding != Encoding)
        {
            throw new ControlPlaneException(
                $"The database {Name} has the encoding {encoding}, but must have {Encoding}: "
                + $"create another one with CREATE DATABASE … ENCODING '{Encoding}' TEMPLATE template0.");
        }
    }

    public override DbConnection Rent()
    {
        try
        {
            return _source.OpenConnection();
        }
        catch (Exception error) when (error is SocketException or IOException or TimeoutException)
        {
            throw Unreachable(error);
        }
    }

    public override async ValueTask<DbConnection> RentAsync() => await OpenAsync(_source, CancellationToken.None);

    public override void Return(DbConnection connection) => connection.Dispose();

    public override void CloseIdleConnections() => _source.Clear();

    /// <summary>
    /// Clears the pool after a read-only error. A session reads <c>default_transaction_read_only</c> when it starts and keeps the value, so
    /// that this session and others of its age would stay read-only.
    /// </summary>
    public override void Discard(DbConnection? connection, Exception exception)
    {
        if (exception is PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction })
        {
            _source.Clear();
        }

        connection?.Dispose();
    }

    public override DbTransaction BeginWrite(DbConnection connection) => connection.BeginTransaction(IsolationLevel.Serializable);

    public override DbTransaction BeginSnapshot(DbConnection connection) => connection.BeginTransaction(IsolationLevel.RepeatableRead);

    public override bool IsTransient(DbException exception) =>
        exception.SqlState is PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected;

    public override DatabaseFault FaultOf(DbException exception) => exception switch
    {
        PostgresException failure => failure.SqlState switch
        {
            PostgresErrorCodes.ReadOnlySqlTransaction => DatabaseFault.ReadOnly,
            PostgresErrorCodes.DiskFull => DatabaseFault.DiskFull,
            ['0', '8', ..] or ['5', '7', 'P', ..] => DatabaseFault.Unreachable, // connection exceptions; the server stops or starts
            ['5', '3', ..] or ['5', '8', ..] or ['X', 'X', ..] => DatabaseFault.Failing, // resources, the system, corruption
            ['2', '8', ..] or ['3', 'D', ..] => DatabaseFault.Failing, // unknown user, password or database
            "55000" => DatabaseFault.Unreachable, // the database accepts no connections
            _ => DatabaseFault.None,
        },
        NpgsqlException { InnerException: TimeoutException } => DatabaseFault.NoAnswer,
        NpgsqlException => DatabaseFault.Unreachable,
        _ => DatabaseFault.None,
    };

    /// <summary>
    /// Probes again on a new connection where a pooled one is lost or read-only: the fault may be the connection's alone.
    /// </summary>
    public override async Task<DatabaseFault> ProbeAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (await ProbeOneAsync(cancellationToken) is var fault && fault != DatabaseFault.ReadOnly)
            {
                return fault;
            }
        }
        catch (DbException exception) when (FaultOf(exception) == DatabaseFault.Unreachable)
        {
            // The second probe reports the fault if it persists.
        }

        _source.Clear();
        return await ProbeOneAsync(cancellationToken);
    }

    /// <summary>
    /// A source of connections that does not load the database's types. All statements use built-in types only, which Npgsql knows.
    /// </summary>
    internal static NpgsqlDataSource SourceOf(NpgsqlConnectionStringBuilder settings)
    {
        var source = new NpgsqlDataSourceBuilder(settings.ConnectionString);
        source.ConfigureTypeLoading(static types => types.EnableTypeLoading(false));
        return source.Build();
    }

    /// <summary>Opens a connection.</summary>
    /// <exception cref="NpgsqlException">
    /// The connection cannot be opened. Exceptions that Npgsql does not wrap, such as a failed name resolution, are wrapped too.
    /// </exception>
    internal static async Task<NpgsqlConnection> OpenAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        try
        {
            return await source.OpenConnectionAsync(cancellationToken);
        }
        catch (Exception error) when (error is SocketException or IOException or TimeoutException)
        {
            throw Unreachable(error);
        }
    }

    private static NpgsqlException Unreachable(Exception error) => new($"No connection: {error.Message}", error);

    private async Task<DatabaseFault> ProbeOneAsync(CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(_source, cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT current_setting('transaction_read_only'), to_regclass('schema_version') IS NOT NULL";
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            await reader.ReadAsync(cancellationToken);
            if (reader.GetString(0) == "on")
            {
                return DatabaseFault.ReadOnly;
            }

            if (!reader.GetBoolean(1))
            {
                return DatabaseFault.SchemaMismatch;
            }
        }

        command.CommandText = "SELECT version FROM schema_version";
        var version = await command.ExecuteScalarAsync(cancellationToken);
        return version is long known && known == Migrations.VersionFor(this) ? DatabaseFault.None : DatabaseFault.SchemaMismatch;
    }

    /// <summary>
    /// Takes an advisory lock of the session. A lock of the transaction would be too late: the transaction's snapshot would be older than
    /// the wait for the lock. The lock ends with the connection at the latest.
    /// </summary>
    public override async Task<T> RunExclusiveAsync<T>(DbConnection connection, Func<Task<T>> work)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT pg_advisory_lock(@key)";
        command.CommandTimeout = 0; // no limit: another process may take long to start
        command.Bind(("@key", LockKey));
        await command.ExecuteNonQueryAsync();
        try
        {
            return await work();
        }
        finally
        {
            if (connection.State == ConnectionState.Open)
            {
                connection.Execute("SELECT pg_advisory_unlock(@key)", ("@key", LockKey));
            }
        }
    }

    public override long VersionOf(DbConnection connection) =>
        connection.Count("SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('schema_version')") == 0
            ? 0
            : connection.Count("SELECT version FROM schema_version");

    public override void SetVersion(DbConnection connection, long version)
    {
        connection.Execute("CREATE TABLE IF NOT EXISTS schema_version (id BIGINT PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL)");
        connection.Execute(
            "INSERT INTO schema_version (id, version) VALUES (1, @version) ON CONFLICT (id) DO UPDATE SET version = excluded.version",
            ("@version", version));
    }

    public override void Dispose()
    {
        Notices.Dispose();
        _source.Dispose();
    }
}
