using Npgsql;

namespace ControlPlane.Storage;

/// <summary>
/// Notices between processes on the same database and schema, by PostgreSQL's LISTEN and NOTIFY. LISTEN takes a connection of its own.
/// </summary>
internal sealed class PostgresNotices : IDisposable
{
    // Channels belong to the whole database, while deployments may share a database, each with its own schema.
    private const string Channel = "'edge_' || md5(current_schema())";

    // Detects a connection whose peer has vanished without a FIN.
    private const int KeepAliveSeconds = 15;

    private readonly NpgsqlDataSource _source;
    private readonly NpgsqlDataSource _pool;

    /// <param name="settings">The settings of the connection that listens.</param>
    /// <param name="pool">The connections for NOTIFY. The caller disposes it.</param>
    public PostgresNotices(NpgsqlConnectionStringBuilder settings, NpgsqlDataSource pool)
    {
        _pool = pool;
        _source = PostgresEngine.SourceOf(new NpgsqlConnectionStringBuilder(settings.ConnectionString)
        {
            KeepAlive = KeepAliveSeconds,
            Pooling = false,
        });
    }

    /// <summary>Receives notices. Does not return: it throws when the connection is lost, or at the stop.</summary>
    /// <param name="listening">Called when LISTEN is in effect, so that no later notice is missed.</param>
    /// <param name="received">Called with the text of each notice.</param>
    /// <param name="stop">Stops listening.</param>
    public async Task ListenAsync(Action listening, Action<string> received, CancellationToken stop)
    {
        await using var connection = await PostgresEngine.OpenAsync(_source, stop);
        connection.Notification += (_, notice) => received(notice.Payload);
        await using (var channel = new NpgsqlCommand("SELECT " + Channel, connection))
        {
            var name = (string)(await channel.ExecuteScalarAsync(stop))!;
            await using var listen = new NpgsqlCommand($"LISTEN \"{name}\"", connection);
            await listen.ExecuteNonQueryAsync(stop);
        }

        listening();
        while (true)
        {
            await connection.WaitAsync(stop);
        }
    }

    /// <summary>Sends notices with one statement.</summary>
    public async Task SendAsync(string[] texts)
    {
        await using var connection = await PostgresEngine.OpenAsync(_pool, CancellationToken.None);
        await using var command = new NpgsqlCommand($"SELECT pg_notify({Channel}, text) FROM unnest(@texts) AS text", connection);
        command.Parameters.AddWithValue("texts", texts);
        await command.ExecuteNonQueryAsync();
    }

    public void Dispose() => _source.Dispose();
}
