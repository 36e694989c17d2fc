using Microsoft.AspNetCore.Http.Features;

namespace Edge.Telemetry;

/// <summary>Excludes long-lived streams from the telemetry of requests.</summary>
internal static class StreamTelemetry
{
    /// <summary>
    /// Ends the request's span, which then has the duration of the handshake, and excludes the request from duration histograms. The
    /// server's own calls at the end of the stream have no effect after that. Call this when the request has become a stream and its
    /// status is set (101, or 200 over HTTP/2).
    /// </summary>
    public static void DetachStream(HttpContext context)
    {
        if (context.Features.Get<IHttpMetricsTagsFeature>() is { } metrics)
        {
            metrics.MetricsDisabled = true;
        }

        // The server will call Stop again, which has no effect.
        RequestSpans.Describe(context, context.Response.StatusCode);
        context.Features.Get<IHttpActivityFeature>()?.Activity.Stop();
    }
}
