using System.Text.Json.Serialization;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Statistics;

/// <summary><c>POST me/report-stats</c>, with the fields of v2.8 and of v0.20 (tailnet.md §1.3-17).</summary>
internal sealed class StatsApi(StatsBuffer buffer, ControlPlaneOptions options)
{
    private readonly byte[] _response = ApiResponses.Body(
        new StatsView(GoDuration.Nanoseconds(options.StatsReportInterval)), StatisticsJson.Wire.StatsView);

    public async Task PostAsync(HttpContext context, Guid agentId)
    {
        if (await RequestBody.ReadAsync(context, StatisticsJson.Wire.ReportStatsRequest, options.MaxRequestBodyBytes) is not { } request)
        {
            return;
        }

        if (request.IsReport)
        {
            buffer.Add(agentId, request.ToReport());
        }

        await context.WriteBodyAsync(StatusCodes.Status200OK, _response);
    }
}

/// <summary>The response of <c>POST me/report-stats</c>.</summary>
/// <param name="ReportInterval">The time until the next report, in nanoseconds.</param>
internal sealed record StatsView(long ReportInterval);

/// <summary>The body of <c>POST me/report-stats</c>, with the fields of current and of older agents.</summary>
internal sealed class ReportStatsRequest
{
    /// <summary>The number of connections by protocol.</summary>
    public Dictionary<string, long>? ConnectionsByProto { get; set; }

    /// <summary>The number of connections.</summary>
    public long? ConnectionCount { get; set; }

    /// <summary>The median latency of the connections, in milliseconds.</summary>
    public double? ConnectionMedianLatencyMs { get; set; }

    /// <summary>Packets received since the last report.</summary>
    public long? RxPackets { get; set; }

    /// <summary>Bytes received since the last report.</summary>
    public long? RxBytes { get; set; }

    /// <summary>Packets sent since the last report.</summary>
    public long? TxPackets { get; set; }

    /// <summary>Bytes sent since the last report.</summary>
    public long? TxBytes { get; set; }

    /// <summary>The number of VS Code sessions.</summary>
    public long? SessionCountVscode { get; set; }

    /// <summary>The number of JetBrains sessions.</summary>
    public long? SessionCountJetbrains { get; set; }

    /// <summary>The number of terminals.</summary>
    public long? SessionCountReconnectingPty { get; set; }

    /// <summary>The number of SSH sessions.</summary>
    public long? SessionCountSsh { get; set; }

    /// <summary>The metrics that the agent itself defines. The server stores 64 of them.</summary>
    public List<ReportedMetric?>? Metrics { get; set; }

    /// <summary>The old name of <see cref="ConnectionsByProto"/>.</summary>
    public Dictionary<string, long>? ConnsByProto { get; set; }

    /// <summary>The old name of <see cref="ConnectionCount"/>.</summary>
    public long? NumComms { get; set; }

    /// <summary>
    /// Whether the body is a report. Otherwise the agent only asks for the interval. A report of v2.8 has connections. A report of v0.20
    /// has traffic, by which the server of v0.20 recognised it.
    /// </summary>
    [JsonIgnore]
    public bool IsReport => ConnectionsByProto is { Count: > 0 }
        || ConnsByProto is { Count: > 0 }
        || (ConnectionsByProto is null && (RxBytes is > 0 || TxBytes is > 0));

    public AgentReport ToReport() => new()
    {
        RxPackets = RxPackets ?? 0,
        RxBytes = RxBytes ?? 0,
        TxPackets = TxPackets ?? 0,
        TxBytes = TxBytes ?? 0,
        ConnectionCount = ConnectionCount ?? NumComms ?? 0,
        ConnectionMedianLatencyMs = ConnectionMedianLatencyMs ?? 0,
        SessionsVscode = SessionCountVscode ?? 0,
        SessionsJetbrains = SessionCountJetbrains ?? 0,
        SessionsReconnectingPty = SessionCountReconnectingPty ?? 0,
        SessionsSsh = SessionCountSsh ?? 0,
        Protocols = (ConnectionsByProto is { Count: > 0 } ? ConnectionsByProto : ConnsByProto) ?? [],
        Metrics = Metrics?
            .Where(static metric => metric?.Name is { Length: > 0 })
            .Select(static metric => metric!.ToMetric())
            .ToArray() ?? [],
    };
}

/// <summary>A metric that the agent itself defines.</summary>
internal sealed class ReportedMetric
{
    /// <summary>The metric's name. The server ignores metrics without one.</summary>
    public string? Name { get; set; }

    /// <summary>The metric's type. Any other text counts as gauge.</summary>
    public string? Type { get; set; }

    /// <summary>The metric's value. A counter counts from the agent's start.</summary>
    public double? Value { get; set; }

    /// <summary>The metric's labels.</summary>
    public List<ReportedLabel?>? Labels { get; set; }

    public AgentMetric ToMetric() => new(
        Name!,
        string.Join(',', (Labels ?? []).Where(static label => label is not null).Select(static label => $"{label!.Name}={label.Value}")),
        Type == "counter" ? "counter" : "gauge",
        Value ?? 0);
}

/// <summary>A label of a <see cref="ReportedMetric"/>.</summary>
internal sealed class ReportedLabel
{
    /// <summary>The label's name.</summary>
    public string? Name { get; set; }

    /// <summary>The label's value.</summary>
    public string? Value { get; set; }
}
