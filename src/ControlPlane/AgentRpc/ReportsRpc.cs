using ControlPlane.Logs;
using ControlPlane.Storage;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Data.Sqlite;
using Tailnet.AgentMessages;
using Tailnet.Coordination;
using Tailnet.Drpc;

namespace ControlPlane.AgentRpc;

/// <summary>What an agent reports from time to time.</summary>
internal sealed class ReportsRpc(Database database, ControlPlaneOptions options, TimeProvider time)
{
    private const int MaxKeyCharacters = 128;
    private const int MaxValueCharacters = 2048;
    private const int MaxTextCharacters = 1024;

    /// <summary>Nothing in this server declares apps, so none is known.</summary>
    public static ValueTask<BatchUpdateAppHealthResponse> UpdateAppHealths(BatchUpdateAppHealthRequest request) => request.Updates.Count == 0
        ? ValueTask.FromResult(new BatchUpdateAppHealthResponse())
        : throw new DrpcException(0, "workspace app ID not found");

    /// <summary>Nothing in this server declares scripts, so none is known.</summary>
    public static ValueTask<WorkspaceAgentScriptCompletedResponse> ScriptCompleted(WorkspaceAgentScriptCompletedRequest request) =>
        throw new DrpcException(0, request.Timing is null ? "timing is missing" : "workspace agent script ID not found");

    public async ValueTask<BatchUpdateMetadataResponse> UpdateMetadataAsync(
        Guid agent, BatchUpdateMetadataRequest request, CancellationToken cancellationToken)
    {
        foreach (var metadata in request.Metadata)
        {
            if (metadata.Key.Length is 0 or > MaxKeyCharacters)
            {
                throw new DrpcException(0, "a metadata key is empty or too long");
            }
        }

        await database.WriteAsync(
            connection =>
            {
                foreach (var metadata in request.Metadata)
                {
                    Upsert(connection, agent, metadata);
                }

                return connection.Count("SELECT count(*) FROM agent_metadata WHERE agent_id = $agent", ("$agent", agent)) <= options.MaxMetadataPerAgent
                    ? true
                    : throw new DrpcException(0, "too many metadata keys");
            },
            cancellationToken);
        return new BatchUpdateMetadataResponse();
    }

    /// <summary>A report without connections only asks for the interval.</summary>
    public async ValueTask<UpdateStatsResponse> UpdateStatsAsync(Guid agent, UpdateStatsRequest request, CancellationToken cancellationToken)
    {
        if (request.Stats is { ConnectionsByProto.Count: > 0 } stats)
        {
            await database.WriteAsync(connection => Add(connection, agent, stats), cancellationToken);
        }

        return new UpdateStatsResponse { ReportInterval = Duration.FromTimeSpan(options.StatsReportInterval) };
    }

    public async ValueTask<Empty> ReportConnectionAsync(Guid agent, ReportConnectionRequest request, CancellationToken cancellationToken)
    {
        var reported = request.Connection ?? throw new DrpcException(0, "connection is missing");
        if (!PeerIds.TryRead(reported.Id, out var id))
        {
            throw new DrpcException(0, "invalid connection ID");
        }

        var type = reported.Type switch
        {
            Connection.Types.Type.Ssh => "ssh",
            Connection.Types.Type.Vscode => "vscode",
            Connection.Types.Type.Jetbrains => "jetbrains",
            Connection.Types.Type.ReconnectingPty => "reconnecting_pty",
            _ => throw new DrpcException(0, "unknown connection type"),
        };
        var at = Timestamps.Read(reported.Timestamp) ?? time.GetUtcNow();
        (DateTimeOffset?, DateTimeOffset?) times = reported.Action switch
        {
            Connection.Types.Action.Connect => (at, null),
            Connection.Types.Action.Disconnect => (null, at),
            _ => throw new DrpcException(0, "unknown connection action"),
        };
        var (connectedAt, disconnectedAt) = times;
        await database.WriteAsync(
            connection =>
            {
                connection.Execute(
                    """
                    INSERT INTO agent_connections (agent_id, id, type, ip, connected_at, disconnected_at, status_code, reason)
                    VALUES ($agent, $id, $type, $ip, $connected, $disconnected, $status, $reason)
                    ON CONFLICT (agent_id, id) DO UPDATE SET
                        connected_at = coalesce(connected_at, excluded.connected_at),
                        disconnected_at = coalesce(excluded.disconnected_at, disconnected_at),
                        status_code = coalesce(excluded.status_code, status_code),
                        reason = coalesce(excluded.reason, reason)
                    """,
                    ("$agent", agent),
                    ("$id", id),
                    ("$type", type),
                    ("$ip", Text(reported.Ip, MaxTextCharacters)),
                    ("$connected", connectedAt),
                    ("$disconnected", disconnectedAt),
                    ("$status", disconnectedAt is null ? null : (object)(long)reported.StatusCode),
                    ("$reason", reported.HasReason ? Text(reported.Reason, MaxTextCharacters) : null));
                return connection.Execute(
                    """
                    DELETE FROM agent_connections WHERE agent_id = $agent AND sequence <= (
                        SELECT sequence FROM agent_connections WHERE agent_id = $agent ORDER BY sequence DESC LIMIT 1 OFFSET $kept)
                    """,
                    ("$agent", agent),
                    ("$kept", (long)options.MaxConnectionsPerAgent));
            },
            cancellationToken);
        return new Empty();
    }

    private static string Text(string text, int maxCharacters)
    {
        var sanitised = LogText.Sanitise(text);
        return sanitised.Length <= maxCharacters ? sanitised : sanitised[..maxCharacters];
    }

    private static int Add(SqliteConnection connection, Guid agent, Stats stats, DateTimeOffset now) => connection.Execute(
        """
        INSERT INTO agent_stats VALUES ($agent, $now, 1, $rx_packets, $rx_bytes, $tx_packets, $tx_bytes, $count, $latency, $vscode, $jetbrains, $pty, $ssh)
        ON CONFLICT (agent_id) DO UPDATE SET
            reported_at = excluded.reported_at,
            reports = reports + 1,
            rx_packets = rx_packets + excluded.rx_packets,
            rx_bytes = rx_bytes + excluded.rx_bytes,
            tx_packets = tx_packets + excluded.tx_packets,
            tx_bytes = tx_bytes + excluded.tx_bytes,
            connection_count = excluded.connection_count,
            connection_median_latency_ms = excluded.connection_median_latency_ms,
            sessions_vscode = excluded.sessions_vscode,
            sessions_jetbrains = excluded.sessions_jetbrains,
            sessions_reconnecting_pty = excluded.sessions_reconnecting_pty,
            sessions_ssh = excluded.sessions_ssh
        """,
        ("$agent", agent),
        ("$now", now),
        ("$rx_packets", Counted(stats.RxPackets)),
        ("$rx_bytes", Counted(stats.RxBytes)),
        ("$tx_packets", Counted(stats.TxPackets)),
        ("$tx_bytes", Counted(stats.TxBytes)),
        ("$count", stats.ConnectionCount),
        ("$latency", double.IsFinite(stats.ConnectionMedianLatencyMs) ? stats.ConnectionMedianLatencyMs : 0d),
        ("$vscode", stats.SessionCountVscode),
        ("$jetbrains", stats.SessionCountJetbrains),
        ("$pty", stats.SessionCountReconnectingPty),
        ("$ssh", stats.SessionCountSsh));

    /// <summary>No report takes away from a sum, nor brings it near its end.</summary>
    private static long Counted(long reported) => Math.Clamp(reported, 0, 1L << 48);

    private int Add(SqliteConnection connection, Guid agent, Stats stats) => Add(connection, agent, stats, time.GetUtcNow());

    private void Upsert(SqliteConnection connection, Guid agent, Metadata metadata) => connection.Execute(
        """
        INSERT INTO agent_metadata (agent_id, key, collected_at, value, error) VALUES ($agent, $key, $collected, $value, $error)
        ON CONFLICT (agent_id, key) DO UPDATE SET collected_at = excluded.collected_at, value = excluded.value, error = excluded.error
        """,
        ("$agent", agent),
        ("$key", LogText.Sanitise(metadata.Key)),
        ("$collected", Timestamps.Read(metadata.Result?.CollectedAt) ?? time.GetUtcNow()),
        ("$value", Text(metadata.Result?.Value ?? "", MaxValueCharacters)),
        ("$error", Text(metadata.Result?.Error ?? "", MaxValueCharacters)));
}
