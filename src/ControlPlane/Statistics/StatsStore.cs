using System.Data.Common;
using ControlPlane.Storage;

namespace ControlPlane.Statistics;

/// <summary>Stores the sum of each agent's reports.</summary>
internal sealed class StatsStore(Database database, ControlPlaneOptions options)
{
    private const int MaxNameCharacters = 128;
    private const int MaxLabelsCharacters = 1024;

    /// <inheritdoc cref="Database.IsOutage"/>
    public bool IsOutage(DbException exception) => database.IsOutage(exception);

    /// <summary>Adds reports of several agents in one transaction. Reports of deleted agents are ignored.</summary>
    public Task<int> AddAsync(IReadOnlyDictionary<Guid, StoredReport> reports, CancellationToken cancellationToken) => database.WriteAsync(
        connection =>
        {
            var added = 0;
            foreach (var (agentId, report) in reports)
            {
                if (Add(connection, agentId, report) == 1)
                {
                    ReplaceProtocols(connection, agentId, report.Sum.Protocols);
                    ReplaceMetrics(connection, agentId, report.Sum.Metrics);
                    added++;
                }
            }

            return added;
        },
        cancellationToken);

    /// <summary>
    /// The sums over all agents. Connections and sessions count only for agents that have reported since <paramref name="since"/>.
    /// </summary>
    public ValueTask<StatsTotals> TotalsAsync(DateTimeOffset since) => database.ReadAsync(async connection => new StatsTotals(
        (await connection.ListAsync(
            """
            SELECT coalesce(sum(reports), 0) AS reports,
                coalesce(sum(rx_packets), 0) AS rx_packets, coalesce(sum(rx_bytes), 0) AS rx_bytes,
                coalesce(sum(tx_packets), 0) AS tx_packets, coalesce(sum(tx_bytes), 0) AS tx_bytes,
                coalesce(sum(CASE WHEN reported_at >= @since THEN 1 ELSE 0 END), 0) AS agents,
                coalesce(sum(CASE WHEN reported_at >= @since THEN sessions_vscode ELSE 0 END), 0) AS vscode,
                coalesce(sum(CASE WHEN reported_at >= @since THEN sessions_jetbrains ELSE 0 END), 0) AS jetbrains,
                coalesce(sum(CASE WHEN reported_at >= @since THEN sessions_reconnecting_pty ELSE 0 END), 0) AS pty,
                coalesce(sum(CASE WHEN reported_at >= @since THEN sessions_ssh ELSE 0 END), 0) AS ssh,
                coalesce(
                    avg(CASE WHEN reported_at >= @since AND connection_count > 0 THEN connection_median_latency_ms END), 0.0) AS latency
            FROM agent_stats
            """,
            static reader => new StatsSums(
                reader.Integer("reports"),
                reader.Integer("rx_packets"),
                reader.Integer("rx_bytes"),
                reader.Integer("tx_packets"),
                reader.Integer("tx_bytes"),
                reader.Integer("agents"),
                reader.Integer("vscode"),
                reader.Integer("jetbrains"),
                reader.Integer("pty"),
                reader.Integer("ssh"),
                reader.Real("latency")),
            ("@since", since)))[0],
        await connection.ListAsync(
            """
            SELECT protocols.protocol, sum(protocols.connections) AS connections
            FROM agent_stats_protocols protocols JOIN agent_stats stats ON stats.agent_id = protocols.agent_id
            WHERE stats.reported_at >= @since GROUP BY protocols.protocol ORDER BY connections DESC, protocols.protocol LIMIT @limit
            """,
            static reader => KeyValuePair.Create(reader.Text("protocol"), reader.Integer("connections")),
            ("@since", since),
            ("@limit", (long)options.MaxProtocolsPerAgent)),
        await connection.ListAsync(
            """
            SELECT metrics.name, sum(metrics.value) AS value
            FROM agent_stats_metrics metrics JOIN agent_stats stats ON stats.agent_id = metrics.agent_id
            WHERE stats.reported_at >= @since GROUP BY metrics.name ORDER BY count(*) DESC, metrics.name LIMIT @limit
            """,
            static reader => KeyValuePair.Create(reader.Text("name"), reader.Real("value")),
            ("@since", since),
            ("@limit", (long)options.MaxMetricsPerAgent))));

    private static int Add(DbConnection connection, Guid agentId, StoredReport report)
    {
        var sum = report.Sum;
        return connection.Execute(
            """
            INSERT INTO agent_stats (agent_id, reported_at, reports, rx_packets, rx_bytes, tx_packets, tx_bytes, connection_count,
                connection_median_latency_ms, sessions_vscode, sessions_jetbrains, sessions_reconnecting_pty, sessions_ssh)
            SELECT id, @now, @reports, @rx_packets, @rx_bytes, @tx_packets, @tx_bytes, @count, @latency, @vscode, @jetbrains, @pty, @ssh
            FROM workspace_agents WHERE id = @agent
            ON CONFLICT (agent_id) DO UPDATE SET
                reported_at = excluded.reported_at,
                reports = agent_stats.reports + excluded.reports,
                rx_packets = agent_stats.rx_packets + excluded.rx_packets,
                rx_bytes = agent_stats.rx_bytes + excluded.rx_bytes,
                tx_packets = agent_stats.tx_packets + excluded.tx_packets,
                tx_bytes = agent_stats.tx_bytes + excluded.tx_bytes,
                connection_count = excluded.connection_count,
                connection_median_latency_ms = excluded.connection_median_latency_ms,
                sessions_vscode = excluded.sessions_vscode,
                sessions_jetbrains = excluded.sessions_jetbrains,
                sessions_reconnecting_pty = excluded.sessions_reconnecting_pty,
                sessions_ssh = excluded.sessions_ssh
            """,
            ("@agent", agentId),
            ("@now", report.At),
            ("@reports", report.Reports),
            ("@rx_packets", sum.RxPackets),
            ("@rx_bytes", sum.RxBytes),
            ("@tx_packets", sum.TxPackets),
            ("@tx_bytes", sum.TxBytes),
            ("@count", sum.ConnectionCount),
            ("@latency", sum.ConnectionMedianLatencyMs),
            ("@vscode", sum.SessionsVscode),
            ("@jetbrains", sum.SessionsJetbrains),
            ("@pty", sum.SessionsReconnectingPty),
            ("@ssh", sum.SessionsSsh));
    }

    private static string Text(string text, int maxCharacters)
    {
        var sanitised = StoredText.Sanitise(text);
        return sanitised.Length <= maxCharacters ? sanitised : sanitised[..maxCharacters];
    }

    private void ReplaceProtocols(DbConnection connection, Guid agentId, IReadOnlyDictionary<string, long> protocols)
    {
        connection.Execute("DELETE FROM agent_stats_protocols WHERE agent_id = @agent", ("@agent", agentId));
        foreach (var (protocol, connections) in protocols.Take(options.MaxProtocolsPerAgent))
        {
            connection.Execute(
                """
                INSERT INTO agent_stats_protocols (agent_id, protocol, connections) VALUES (@agent, @protocol, @connections)
                ON CONFLICT DO NOTHING
                """,
                ("@agent", agentId),
                ("@protocol", Text(protocol, MaxNameCharacters)),
                ("@connections", Math.Clamp(connections, 0, int.MaxValue)));
        }
    }

    private void ReplaceMetrics(DbConnection connection, Guid agentId, IReadOnlyList<AgentMetric> metrics)
    {
        connection.Execute("DELETE FROM agent_stats_metrics WHERE agent_id = @agent", ("@agent", agentId));
        foreach (var metric in metrics.Where(static metric => double.IsFinite(metric.Value)).Take(options.MaxMetricsPerAgent))
        {
            connection.Execute(
                """
                INSERT INTO agent_stats_metrics (agent_id, name, labels, type, value) VALUES (@agent, @name, @labels, @type, @value)
                ON CONFLICT DO NOTHING
                """,
                ("@agent", agentId),
                ("@name", Text(metric.Name, MaxNameCharacters)),
                ("@labels", Text(metric.Labels, MaxLabelsCharacters)),
                ("@type", metric.Type),
                ("@value", metric.Value));
        }
    }
}

/// <summary>The reports of all agents together.</summary>
/// <param name="Sums">The sums of single numbers.</param>
/// <param name="Connections">The number of connections by protocol, the most frequent ones.</param>
/// <param name="Metrics">The sums of the metrics that agents define, by name, the most frequent ones.</param>
internal sealed record StatsTotals(
    StatsSums Sums,
    IReadOnlyList<KeyValuePair<string, long>> Connections,
    IReadOnlyList<KeyValuePair<string, double>> Metrics);

/// <summary>Sums over agents. <paramref name="LatencyMs"/> is the mean of the agents' medians.</summary>
internal sealed record StatsSums(
    long Reports,
    long RxPackets,
    long RxBytes,
    long TxPackets,
    long TxBytes,
    long Agents,
    long SessionsVscode,
    long SessionsJetbrains,
    long SessionsReconnectingPty,
    long SessionsSsh,
    double LatencyMs);
