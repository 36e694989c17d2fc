using Microsoft.AspNetCore.Http.Features;

namespace Edge.Telemetry;

/// <summary>Keeps long-lived streams out of what is measured per request.</summary>
internal static class StreamTelemetry
{
    /// <summary>
    /// Call when a request has become a stream and its status (101, or 200 over HTTP/2) is set. The request's span ends now, with the
    /// handshake's duration; the request enters no duration histogram; what the server does with both when the stream ends changes
    /// nothing any more. Without telemetry this does nothing.
    /// </summary>
    public static void DetachStream(HttpContext context)
    {
        if (context.Features.Get<IHttpMetricsTagsFeature>() is { } metrics)
        {
            metrics.MetricsDisabled = true;
        }

        // Stopping again, as the server will, does nothing: listeners hear of it once.
        RequestSpans.Describe(context, context.Response.StatusCode);
        context.Features.Get<IHttpActivityFeature>()?.Activity.Stop();
    }
}
