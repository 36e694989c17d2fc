using Npgsql;

namespace ControlPlane.Storage;

/// <summary>What processes on one database and schema say to each other, by PostgreSQL's NOTIFY. It takes one connection of its own.</summary>
internal sealed class PostgresNotices : IDisposable
{
    // Channels are the whole database's; deployments may share it, each with a schema.
    private const string Channel = "'edge_' || md5(current_schema())";

    // So that a connection that died in silence is noticed.
    private const int KeepAliveSeconds = 15;

    private readonly NpgsqlDataSource _source;
    private readonly NpgsqlDataSource _pool;

    /// <param name="settings">For the connection that listens.</param>
    /// <param name="pool">Connections to speak on; the caller's to dispose.</param>
    public PostgresNotices(NpgsqlConnectionStringBuilder settings, NpgsqlDataSource pool)
    {
        _pool = pool;
        var source = new NpgsqlDataSourceBuilder(settings.ConnectionString);
        source.ConnectionStringBuilder.KeepAlive = KeepAliveSeconds;
        source.ConnectionStringBuilder.Pooling = false;

        // It receives text alone: the database's own types need not be read for it.
        source.ConfigureTypeLoading(static types => types.EnableTypeLoading(false));
        _source = source.Build();
    }

    /// <summary>Hears what is said, until it throws: the connection was lost, or it is to stop.</summary>
    /// <param name="listening">Called once everything that is said from now on will be heard.</param>
    /// <param name="heard">Called with each text.</param>
    /// <param name="stop">Stops.</param>
    public async Task ListenAsync(Action listening, Action<string> heard, CancellationToken stop)
    {
        await using var connection = await PostgresEngine.OpenAsync(_source, stop);
        connection.Notification += (_, notice) => heard(notice.Payload);
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

    /// <summary>Says all of these.</summary>
    public async Task SayAsync(string[] texts)
    {
        await using var connection = await PostgresEngine.OpenAsync(_pool, CancellationToken.None);
        await using var command = new NpgsqlCommand($"SELECT pg_notify({Channel}, text) FROM unnest(@texts) AS text", connection);
        command.Parameters.AddWithValue("texts", texts);
        await command.ExecuteNonQueryAsync();
    }

    public void Dispose() => _source.Dispose();
}
