using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>Short forms for parameterised statements. Times are stored as whole microseconds since 1970, UUIDs as lower-case text.</summary>
internal static class StatementExtensions
{
    public static DbCommand Command(this DbConnection connection, string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        command.Bind(parameters);
        return command;
    }

    /// <summary>Gives the command these values in place of those it has, so that it can be run again without being prepared again.</summary>
    public static void Bind(this DbCommand command, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        command.Parameters.Clear();
        foreach (var (name, value) in parameters)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, ToStored(value));
            command.Parameters.Add(parameter);
        }
    }

    public static int Execute(this DbConnection connection, string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var command = connection.Command(sql, parameters);
        return command.ExecuteNonQuery();
    }

    public static long Count(this DbConnection connection, string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var command = connection.Command(sql, parameters);
        return (long)command.ExecuteScalar()!;
    }

    /// <summary>The first row as <paramref name="read"/> makes it, or null without one.</summary>
    public static T? First<T>(
        this DbConnection connection,
        string sql,
        Func<DbDataReader, T> read,
        params ReadOnlySpan<(string Name, object? Value)> parameters)
        where T : class
    {
        using var command = connection.Command(sql, parameters);
        using var reader = command.ExecuteReader();
        return reader.Read() ? read(reader) : null;
    }

    public static List<T> List<T>(
        this DbConnection connection,
        string sql,
        Func<DbDataReader, T> read,
        params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var command = connection.Command(sql, parameters);
        using var reader = command.ExecuteReader();
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

    private static bool IsNull(this DbDataReader reader, string column) => reader.IsDBNull(reader.GetOrdinal(column));

    private static object ToStored(object? value) => value switch
    {
        null => DBNull.Value,
        Guid id => id.ToString("D"),
        DateTimeOffset time => time.ToMicroseconds(),
        _ => value,
    };
}
