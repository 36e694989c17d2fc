using System.Data.Common;
using System.Text;
using ControlPlane.Storage;

namespace ControlPlane.Logs;

/// <summary>Stores the log lines of agents.</summary>
internal sealed class LogStore(Database database, ControlPlaneOptions options)
{
    private long _pageReads;

    /// <inheritdoc cref="Database.IsOutage"/>
    public bool IsOutage(DbException exception) => database.IsOutage(exception);

    /// <summary>The number of queries by <see cref="ReadPageAsync"/>.</summary>
    public long PageReads => Interlocked.Read(ref _pageReads);

    /// <summary>
    /// Stores all lines or none, in one transaction. False when they would exceed the agent's limits. The agent is then marked as
    /// overflowed, and fewer lines may still fit later.
    /// </summary>
    /// <param name="agentId">The agent.</param>
    /// <param name="sourceId">The lines' source, or null for <see cref="LogSource.External"/>.</param>
    /// <param name="lines">The lines.</param>
    /// <param name="countedBytes">The bytes that count against the limit.</param>
    /// <param name="now">The time that is stored with each line.</param>
    /// <param name="cancellationToken">Cancels the write while it is queued.</param>
    public Task<bool> AppendAsync(
        Guid agentId,
        Guid? sourceId,
        IReadOnlyList<NewLogLine> lines,
        long countedBytes,
        DateTimeOffset now,
        CancellationToken cancellationToken) => database.WriteAsync(
            connection =>
            {
                var fits = connection.Execute(
                    """
                    UPDATE workspace_agents SET logs_length = logs_length + @bytes, logs_lines = logs_lines + @lines
                    WHERE id = @id AND logs_length + @bytes <= @max_bytes AND logs_lines + @lines <= @max_lines
                    """,
                    ("@id", agentId),
                    ("@bytes", countedBytes),
                    ("@lines", (long)lines.Count),
                    ("@max_bytes", options.MaxLogBytesPerAgent),
                    ("@max_lines", options.MaxLogLinesPerAgent)) == 1;
                if (!fits)
                {
                    connection.Execute(
                        "UPDATE workspace_agents SET logs_overflowed = 1 WHERE id = @id AND logs_overflowed = 0", ("@id", agentId));
                    return false;
                }

                if (sourceId is null)
                {
                    LogSourceStore.Insert(connection, LogSource.External(agentId, now));
                }

                Insert(connection, agentId, sourceId ?? LogSource.ExternalId, lines, now);
                return true;
            },
            cancellationToken);

    /// <summary>The id of the agent's newest line, or 0.</summary>
    public ValueTask<long> LastIdAsync(Guid agentId) => database.ReadAsync(connection =>
        connection.CountAsync("SELECT coalesce(max(id), 0) FROM agent_logs WHERE agent_id = @agent", ("@agent", agentId)));

    /// <summary>
    /// The next lines with ids above <paramref name="after"/> and up to <paramref name="upTo"/>, oldest first. A page has at least one line
    /// if there is any, and about <paramref name="maxBytes"/> of output at most, which bounds the memory of a slow reader.
    /// </summary>
    public ValueTask<LogPage> ReadPageAsync(Guid agentId, long after, long upTo, int maxLines, int maxBytes) =>
        database.ReadAsync(async connection =>
        {
            Interlocked.Increment(ref _pageReads);
            using var statement = Statement.Of(
                connection, "SELECT * FROM agent_logs WHERE agent_id = @agent AND id > @after AND id <= @up_to ORDER BY id LIMIT @limit");
            statement.Command.Bind(("@agent", agentId), ("@after", after), ("@up_to", upTo), ("@limit", (long)maxLines));
            await using var reader = await statement.Command.ExecuteReaderAsync();
            var lines = new List<LogLine>();
            var bytes = 0;
            while (bytes < maxBytes && await reader.ReadAsync())
            {
                var line = new LogLine(
                    reader.Integer("id"),
                    reader.Time("created_at"),
                    reader.Text("output"),
                    reader.Text("level"),
                    reader.Uuid("source_id"));
                lines.Add(line);
                bytes += Encoding.UTF8.GetByteCount(line.Output);
            }

            return new LogPage(lines, HasMore: bytes >= maxBytes || lines.Count == maxLines);
        });

    private static void Insert(DbConnection connection, Guid agentId, Guid sourceId, IReadOnlyList<NewLogLine> lines, DateTimeOffset now)
    {
        // Formatted once, not for each line.
        var (agent, source) = (agentId.ToString("D"), sourceId.ToString("D"));
        connection.ExecuteEach(
            "INSERT INTO agent_logs (agent_id, created_at, level, source_id, output) VALUES (@agent, @now, @level, @source, @output)",
            lines,
            line => [("@agent", agent), ("@now", now), ("@level", line.Level), ("@source", source), ("@output", line.Output)]);
    }
}
