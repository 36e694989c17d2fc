using ControlPlane.AgentMetadata;
using ControlPlane.Apps;
using ControlPlane.Declarations;
using ControlPlane.Scripts;
using ControlPlane.Statistics;
using ControlPlane.Storage;
using Google.Protobuf.WellKnownTypes;
using Tailnet.AgentMessages;
using Tailnet.Coordination;
using Tailnet.Drpc;

namespace ControlPlane.AgentRpc;

/// <summary>Stores the reports of agents: app health and status, script runs, metadata, statistics and connections.</summary>
internal sealed class ReportsRpc(
    Database database,
    AppReports apps,
    ScriptReports scripts,
    MetadataStore metadata,
    StatsBuffer stats,
    ControlPlaneOptions options,
    TimeProvider time)
{
    private const int MaxTextCharacters = 1024;

    public async ValueTask<BatchUpdateAppHealthResponse> UpdateAppHealthsAsync(
        Guid agent, BatchUpdateAppHealthRequest request, CancellationToken cancellationToken)
    {
        var healths = new Dictionary<Guid, string>();
        foreach (var update in request.Updates)
        {
            if (!PeerIds.TryRead(update.Id, out var id))
            {
                throw new DrpcException(0, "invalid workspace app ID");
            }

            healths[id] = update.Health switch
            {
                AppHealth.Disabled => AppHealths.Disabled,
                AppHealth.Initializing => AppHealths.Initializing,
                AppHealth.Healthy => AppHealths.Healthy,
                AppHealth.Unhealthy => AppHealths.Unhealthy,
                _ => update.Health.ToString(),
            };
        }

        return healths.Count == 0 || await apps.SetHealthsAsync(agent, healths, cancellationToken) is not { } refusal
            ? new BatchUpdateAppHealthResponse()
            : throw new DrpcException(0, refusal.Detail);
    }

    public async ValueTask<UpdateAppStatusResponse> UpdateAppStatusAsync(
        Guid agent, UpdateAppStatusRequest request, CancellationToken cancellationToken)
    {
        var state = request.State switch
        {
            UpdateAppStatusRequest.Types.AppStatusState.Working => "working",
            UpdateAppStatusRequest.Types.AppStatusState.Idle => "idle",
            UpdateAppStatusRequest.Types.AppStatusState.Complete => "complete",
            UpdateAppStatusRequest.Types.AppStatusState.Failure => "failure",
            _ => request.State.ToString(),
        };
        return await apps.AddStatusAsync(agent, request.Slug, state, request.Message, request.Uri, cancellationToken) is not { } error
            ? new UpdateAppStatusResponse()
            : throw new DrpcException(0, $"{error.Message} {error.Detail}");
    }

    public async ValueTask<WorkspaceAgentScriptCompletedResponse> ScriptCompletedAsync(
        Guid agent, WorkspaceAgentScriptCompletedRequest request, CancellationToken cancellationToken)
    {
        var timing = request.Timing ?? throw new DrpcException(0, "timing is missing");
        if (!PeerIds.TryRead(timing.ScriptId, out var script))
        {
            throw new DrpcException(0, "invalid script ID");
        }

        var stage = timing.Stage switch
        {
            Timing.Types.Stage.Start => "start",
            Timing.Types.Stage.Stop => "stop",
            Timing.Types.Stage.Cron => "cron",
            _ => throw new DrpcException(0, "unknown script stage"),
        };
        var status = timing.Status switch
        {
            Timing.Types.Status.Ok => "ok",
            Timing.Types.Status.ExitFailure => "exit_failure",
            Timing.Types.Status.TimedOut => "timed_out",
            Timing.Types.Status.PipesLeftOpen => "pipes_left_open",
            _ => throw new DrpcException(0, "unknown script status"),
        };
        var now = time.GetUtcNow();
        var (start, end) = (Timestamps.Read(timing.Start) ?? now, Timestamps.Read(timing.End) ?? now);
        var run = new AgentScriptRun(stage, start, end, timing.ExitCode, status);
        return await scripts.AddAsync(agent, script, run, cancellationToken)
            ? new WorkspaceAgentScriptCompletedResponse()
            : throw new DrpcException(0, "workspace agent script ID not found");
    }

    public async ValueTask<BatchUpdateMetadataResponse> UpdateMetadataAsync(
        Guid agent, BatchUpdateMetadataRequest request, CancellationToken cancellationToken)
    {
        if (request.Metadata.Any(static metadata => metadata.Key.Length is 0 or > MetadataStore.MaxKeyCharacters))
        {
            throw new DrpcException(0, "a metadata key is empty or too long");
        }

        MetadataValue[] values =
            [.. request.Metadata.Select(static one => new MetadataValue(one.Key, one.Result?.Value ?? "", one.Result?.Error ?? ""))];
        return await metadata.SetAsync(agent, values, cancellationToken)
            ? new BatchUpdateMetadataResponse()
            : throw new DrpcException(0, "too many metadata keys");
    }

    /// <summary>Buffers a report. A report without connections only requests the report interval.</summary>
    public ValueTask<UpdateStatsResponse> UpdateStats(Guid agent, UpdateStatsRequest request)
    {
        if (request.Stats is { ConnectionsByProto.Count: > 0 } sent)
        {
            stats.Add(agent, ReportOf(sent));
        }

        return ValueTask.FromResult(new UpdateStatsResponse { ReportInterval = Duration.FromTimeSpan(options.StatsReportInterval) });
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
                    VALUES (@agent, @id, @type, @ip, @connected, @disconnected, @status, @reason)
                    ON CONFLICT (agent_id, id) DO UPDATE SET
                        connected_at = coalesce(agent_connections.connected_at, excluded.connected_at),
                        disconnected_at = coalesce(excluded.disconnected_at, agent_connections.disconnected_at),
                        status_code = coalesce(excluded.status_code, agent_connections.status_code),
                        reason = coalesce(excluded.reason, agent_connections.reason)
                    """,
                    ("@agent", agent),
                    ("@id", id),
                    ("@type", type),
                    ("@ip", Text(reported.Ip, MaxTextCharacters)),
                    ("@connected", connectedAt),
                    ("@disconnected", disconnectedAt),
                    ("@status", disconnectedAt is null ? null : (object)(long)reported.StatusCode),
                    ("@reason", reported.HasReason ? Text(reported.Reason, MaxTextCharacters) : null));
                return connection.Execute(
                    """
                    DELETE FROM agent_connections WHERE agent_id = @agent AND sequence <= (
                        SELECT sequence FROM agent_connections WHERE agent_id = @agent ORDER BY sequence DESC LIMIT 1 OFFSET @kept)
                    """,
                    ("@agent", agent),
                    ("@kept", (long)options.MaxConnectionsPerAgent));
            },
            cancellationToken);
        return new Empty();
    }

    private static string Text(string text, int maxCharacters)
    {
        var sanitised = StoredText.Sanitise(text);
        return sanitised.Length <= maxCharacters ? sanitised : sanitised[..maxCharacters];
    }

    private static AgentReport ReportOf(Stats sent) => new()
    {
        RxPackets = sent.RxPackets,
        RxBytes = sent.RxBytes,
        TxPackets = sent.TxPackets,
        TxBytes = sent.TxBytes,
        ConnectionCount = sent.ConnectionCount,
        ConnectionMedianLatencyMs = sent.ConnectionMedianLatencyMs,
        SessionsVscode = sent.SessionCountVscode,
        SessionsJetbrains = sent.SessionCountJetbrains,
        SessionsReconnectingPty = sent.SessionCountReconnectingPty,
        SessionsSsh = sent.SessionCountSsh,
        Protocols = sent.ConnectionsByProto,
        Metrics = [.. sent.Metrics.Where(static metric => metric.Name.Length > 0).Select(static metric => new AgentMetric(
            metric.Name,
            string.Join(',', metric.Labels.Select(static label => $"{label.Name}={label.Value}")),
            metric.Type == Stats.Types.Metric.Types.Type.Counter ? "counter" : "gauge",
            metric.Value))],
    };
}
