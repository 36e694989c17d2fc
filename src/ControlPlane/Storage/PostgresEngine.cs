using System.Data;
using System.Data.Common;
using System.Text.RegularExpressions;
using Npgsql;

namespace ControlPlane.Storage;

/// <summary>
/// PostgreSQL. Write transactions are serializable, so that what a transaction has read stays true until it commits, as with SQLite's one
/// writer; one that PostgreSQL gives up for another is run again.
/// </summary>
internal sealed partial class PostgresEngine : DatabaseEngine
{
    // Any number will do that nobody else uses in this database.
    private const long LockKey = 0x6564_6765;

    // A step that is not for this database.
    private const string Nothing = "SELECT 1";

    private const int MaxPreparedStatements = 128;
    private const int CommandTimeoutSeconds = 30;

    private readonly NpgsqlDataSource _source;

    public PostgresEngine(string connectionString)
    {
        var settings = PostgresSetting.Parse(connectionString);
        settings.ApplicationName ??= "edge";
        if (!settings.ContainsKey("Max Auto Prepare"))
        {
            settings.MaxAutoPrepare = MaxPreparedStatements;
        }

        if (!settings.ContainsKey("Command Timeout"))
        {
            settings.CommandTimeout = CommandTimeoutSeconds;
        }

        Name = FormattableString.Invariant($"{settings.Database ?? settings.Username} on {settings.Host}:{settings.Port}");
        _source = NpgsqlDataSource.Create(settings);
        Notices = new PostgresNotices(settings, _source);
    }

    public override string Name { get; }

    public override PostgresNotices Notices { get; }

    public override void Prepare()
    {
    }

    public override DbConnection Rent() => _source.OpenConnection();

    public override void Return(DbConnection connection) => connection.Dispose();

    public override void CloseIdleConnections() => _source.Clear();

    public override DbTransaction BeginWrite(DbConnection connection) => connection.BeginTransaction(IsolationLevel.Serializable);

    public override DbTransaction BeginSnapshot(DbConnection connection) => connection.BeginTransaction(IsolationLevel.RepeatableRead);

    public override bool MayPass(DbException exception) =>
        exception.SqlState is PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected;

    /// <summary>
    /// Under a lock of the session, not of the transaction: a transaction that waited for it would still see the state from before it waited.
    /// It goes with the connection.
    /// </summary>
    public override async Task<T> AloneAsync<T>(DbConnection connection, Func<Task<T>> work)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT pg_advisory_lock(@key)";
        command.CommandTimeout = 0; // as long as another process takes to start
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
        if (version == 1)
        {
            connection.Execute("CREATE TABLE schema_version (id BIGINT PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL)");
        }

        connection.Execute(
            "INSERT INTO schema_version (id, version) VALUES (1, @version) ON CONFLICT (id) DO UPDATE SET version = excluded.version", ("@version", version));
    }

    /// <summary>
    /// Types, identities, and what only SQLite says. Text sorts and compares by its bytes, as in SQLite, except where <c>NOCASE</c> says
    /// otherwise, for which there is a collation of that name.
    /// </summary>
    public override string Translate(string step)
    {
        if (step == AgentTokenSchema.Sql)
        {
            return Nothing;
        }

        step = Tail().Replace(step, ")");
        step = step.Replace("INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", StringComparison.Ordinal);
        step = Integer().Replace(step, "BIGINT");
        step = Real().Replace(step, "DOUBLE PRECISION");
        step = Blob().Replace(step, "BYTEA");
        step = Text().Replace(step, "TEXT COLLATE \"C\"");
        step = JsonValid().Replace(step, "($1::jsonb IS NOT NULL)");
        return step.Contains("COLLATE NOCASE", StringComparison.Ordinal)
            ? "CREATE COLLATION IF NOT EXISTS nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);\n" + step
            : step;
    }

    public override void Dispose()
    {
        Notices.Dispose();
        _source.Dispose();
    }

    [GeneratedRegex(@"\) STRICT(, WITHOUT ROWID)?(?=;|\s*$)")]
    private static partial Regex Tail();

    [GeneratedRegex(@"\bINTEGER\b")]
    private static partial Regex Integer();

    [GeneratedRegex(@"\bREAL\b")]
    private static partial Regex Real();

    [GeneratedRegex(@"\bBLOB\b")]
    private static partial Regex Blob();

    [GeneratedRegex(@"\bTEXT\b(?![^,\n]*\bCOLLATE\b)")]
    private static partial Regex Text();

    [GeneratedRegex(@"\bjson_valid\((\w+)\)")]
    private static partial Regex JsonValid();
}
