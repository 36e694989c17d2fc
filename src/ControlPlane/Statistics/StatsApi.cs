using System.Text.Json.Serialization;
using ControlPlane.Http;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Statistics;

/// <summary><c>POST me/report-stats</c> in the spelling of S3 and of S4 (tailnet.md §1.3-17).</summary>
internal sealed class StatsApi(StatsBuffer buffer, ControlPlaneOptions options)
{
    private readonly byte[] _answer = ApiResponses.Body(
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

        await context.WriteBodyAsync(StatusCodes.Status200OK, _answer);
    }
}

/// <summary>When to report again, in nanoseconds.</summary>
/// <param name="ReportInterval">Nanoseconds until the next report.</param>
internal sealed record StatsView(long ReportInterval);

/// <summary>The body of <c>POST me/report-stats</c>: what S3 and S4 have, both spellings.</summary>
internal sealed class ReportStatsRequest
{
    /// <summary>How many connections there are, by protocol.</summary>
    public Dictionary<string, long>? ConnectionsByProto { get; set; }

    /// <summary>How many connections there are.</summary>
    public long? ConnectionCount { get; set; }

    /// <summary>The median of their latencies, in milliseconds.</summary>
    public double? ConnectionMedianLatencyMs { get; set; }

    /// <summary>Packets received since the last report.</summary>
    public long? RxPackets { get; set; }

    /// <summary>Bytes received since the last report.</summary>
    public long? RxBytes { get; set; }

    /// <summary>Packets sent since the last report.</summary>
    public long? TxPackets { get; set; }

    /// <summary>Bytes sent since the last report.</summary>
    public long? TxBytes { get; set; }

    /// <summary>Sessions of VS Code.</summary>
    public long? SessionCountVscode { get; set; }

    /// <summary>Sessions of JetBrains.</summary>
    public long? SessionCountJetbrains { get; set; }

    /// <summary>Terminals.</summary>
    public long? SessionCountReconnectingPty { get; set; }

    /// <summary>Sessions of SSH.</summary>
    public long? SessionCountSsh { get; set; }

    /// <summary>Metrics of the agent's own; 64 are kept.</summary>
    public List<ReportedMetric?>? Metrics { get; set; }

    /// <summary>S4's <see cref="ConnectionsByProto"/>.</summary>
    public Dictionary<string, long>? ConnsByProto { get; set; }

    /// <summary>S4's <see cref="ConnectionCount"/>.</summary>
    public long? NumComms { get; set; }

    /// <summary>
    /// Otherwise the agent only asks for the interval. In S3 a report has connections; one of S4 counts by its traffic, as S4's server took it.
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
        Metrics = Metrics?.Where(static metric => metric?.Name is { Length: > 0 }).Select(static metric => metric!.ToMetric()).ToArray() ?? [],
    };
}

/// <summary>A metric of the agent's own, as sent.</summary>
internal sealed class ReportedMetric
{
    /// <summary>Its name; one without is left out.</summary>
    public string? Name { get; set; }

    /// <summary>What kind it is; any other word is a gauge.</summary>
    public string? Type { get; set; }

    /// <summary>Its value; a counter's since the agent's start.</summary>
    public double? Value { get; set; }

    /// <summary>Its labels.</summary>
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
