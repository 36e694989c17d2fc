using System.Data.Common;
using System.Globalization;

namespace ControlPlane.Storage;

/// <summary>
/// Short forms for parameterised statements. The database has times as whole microseconds since 1970, and UUIDs as lower-case text.
/// </summary>
internal static class StatementExtensions
{
    /// <summary>Replaces the command's parameters.</summary>
    public static void Bind(this DbCommand command, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        command.Parameters.Clear();
        foreach (var (name, value) in parameters)
        {
            var parameter = command.CreateParameter();
            Set(parameter, name, value);
            command.Parameters.Add(parameter);
        }
    }

    public static int Execute(this DbConnection connection, string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var statement = Statement.Of(connection, sql);
        statement.Command.Bind(parameters);
        return statement.Command.ExecuteNonQuery();
    }

    /// <summary>Runs a statement once for each row. PostgreSQL gets all in one batch, in one round trip.</summary>
    /// <param name="connection">A connection with an open transaction.</param>
    /// <param name="sql">The statement.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="parameters">The parameters for a row.</param>
    public static void ExecuteEach<T>(
        this DbConnection connection, string sql, IReadOnlyList<T> rows, Func<T, (string Name, object? Value)[]> parameters)
    {
        if (!connection.CanCreateBatch)
        {
            using var statement = Statement.Of(connection, sql);
            foreach (var row in rows)
            {
                statement.Command.Bind(parameters(row));
                statement.Command.ExecuteNonQuery();
            }
        }
        else if (rows.Count > 0)
        {
            using var batch = connection.CreateBatch();
            foreach (var row in rows)
            {
                var command = batch.CreateBatchCommand();
                command.CommandText = sql;
                foreach (var (name, value) in parameters(row))
                {
                    var parameter = command.CreateParameter();
                    Set(parameter, name, value);
                    command.Parameters.Add(parameter);
                }

                batch.BatchCommands.Add(command);
            }

            batch.ExecuteNonQuery();
        }
    }

    /// <summary>The number in the first column of the first row.</summary>
    public static long Count(this DbConnection connection, string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var statement = Statement.Of(connection, sql);
        statement.Command.Bind(parameters);
        return Convert.ToInt64(statement.Command.ExecuteScalar(), CultureInfo.InvariantCulture);
    }

    /// <inheritdoc cref="Count"/>
    public static ValueTask<long> CountAsync(
        this DbConnection connection, string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        var statement = Statement.Of(connection, sql);
        statement.Command.Bind(parameters);
        return CountAsync(statement);
    }

    /// <summary>The first row, converted by <paramref name="read"/>, or null without a row.</summary>
    public static T? First<T>(
        this DbConnection connection,
        string sql,
        Func<DbDataReader, T> read,
        params ReadOnlySpan<(string Name, object? Value)> parameters)
        where T : class
    {
        using var statement = Statement.Of(connection, sql);
        statement.Command.Bind(parameters);
        using var reader = statement.Command.ExecuteReader();
        return reader.Read() ? read(reader) : null;
    }

    /// <inheritdoc cref="First"/>
    public static ValueTask<T?> FirstAsync<T>(
        this DbConnection connection,
        string sql,
        Func<DbDataReader, T> read,
        params ReadOnlySpan<(string Name, object? Value)> parameters)
        where T : class
    {
        var statement = Statement.Of(connection, sql);
        statement.Command.Bind(parameters);
        return FirstAsync(statement, read);
    }

    /// <summary>All rows, converted by <paramref name="read"/>.</summary>
    public static ValueTask<List<T>> ListAsync<T>(
        this DbConnection connection,
        string sql,
        Func<DbDataReader, T> read,
        params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        var statement = Statement.Of(connection, sql);
        statement.Command.Bind(parameters);
        return ListAsync(statement, read);
    }

    public static List<T> List<T>(
        this DbConnection connection,
        string sql,
        Func<DbDataReader, T> read,
        params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var statement = Statement.Of(connection, sql);
        statement.Command.Bind(parameters);
        using var reader = statement.Command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    public static long ToMicroseconds(this DateTimeOffset time) =>
        (time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    public static Guid Uuid(this DbDataReader reader, string column) => Guid.ParseExact(reader.Text(column), "D");

    public static string Text(this DbDataReader reader, string column) => reader.GetString(reader.GetOrdinal(column));

    public static long Integer(this DbDataReader reader, string column) => reader.GetInt64(reader.GetOrdinal(column));

    public static double Real(this DbDataReader reader, string column) => reader.GetDouble(reader.GetOrdinal(column));

    public static bool Flag(this DbDataReader reader, string column) => reader.Integer(column) != 0;

    public static byte[] Bytes(this DbDataReader reader, string column) => reader.GetFieldValue<byte[]>(reader.GetOrdinal(column));

    public static string? TextOrNull(this DbDataReader reader, string column) => reader.IsNull(column) ? null : reader.Text(column);

    public static Guid? UuidOrNull(this DbDataReader reader, string column) => reader.IsNull(column) ? null : reader.Uuid(column);

    public static DateTimeOffset Time(this DbDataReader reader, string column) =>
        DateTimeOffset.UnixEpoch.AddTicks(reader.Integer(column) * TimeSpan.TicksPerMicrosecond);

    public static DateTimeOffset? TimeOrNull(this DbDataReader reader, string column) => reader.IsNull(column) ? null : reader.Time(column);

    // An async method cannot have a parameter of type span, so that the public methods bind the values first.
    private static async ValueTask<long> CountAsync(Statement statement)
    {
        using (statement)
        {
            return Convert.ToInt64(await statement.Command.ExecuteScalarAsync(), CultureInfo.InvariantCulture);
        }
    }

    private static async ValueTask<T?> FirstAsync<T>(Statement statement, Func<DbDataReader, T> read)
        where T : class
    {
        using (statement)
        {
            await using var reader = await statement.Command.ExecuteReaderAsync();
            return await reader.ReadAsync() ? read(reader) : null;
        }
    }

    private static async ValueTask<List<T>> ListAsync<T>(Statement statement, Func<DbDataReader, T> read)
    {
        using (statement)
        {
            await using var reader = await statement.Command.ExecuteReaderAsync();
            var rows = new List<T>();
            while (await reader.ReadAsync())
            {
                rows.Add(read(reader));
            }

            return rows;
        }
    }

    private static bool IsNull(this DbDataReader reader, string column) => reader.IsDBNull(reader.GetOrdinal(column));

    private static void Set(DbParameter parameter, string name, object? value)
    {
        parameter.ParameterName = name;
        parameter.Value = value switch
        {
            null => DBNull.Value,
            Guid id => id.ToString("D"),
            DateTimeOffset time => time.ToMicroseconds(),

            // PostgreSQL refuses NUL in text. A search for text with NUL finds nothing either way, since no stored text has any.
            string text when text.Contains('\0', StringComparison.Ordinal) => StoredText.Sanitise(text),
            _ => value,
        };
    }
}
