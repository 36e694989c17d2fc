using Edge.Settings;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Edge.Listeners;

/// <summary>
/// Limits of one request on the public listeners (<c>Edge:Limits</c>). <see cref="EdgeConnectionOptions"/> has the limits of
/// connections.
/// </summary>
/// <param name="MaxRequestHeadSize">Bytes of request line and headers together.</param>
/// <param name="MaxRequestHeaders">Number of headers.</param>
/// <param name="MaxRequestBodySize">Bytes of a body; null means no limit.</param>
/// <param name="RequestHeadTimeout">Time for a request's head to arrive.</param>
internal sealed record EdgeLimits(int MaxRequestHeadSize, int MaxRequestHeaders, long? MaxRequestBodySize, TimeSpan RequestHeadTimeout)
{
    public static EdgeLimits Read(SettingsReader settings)
    {
        var body = settings.Number("Edge:Limits:MaxRequestBodySize", 64L << 20, 0, long.MaxValue);
        return new EdgeLimits(
            settings.Number("Edge:Limits:MaxRequestHeadSize", 32 << 10, 1 << 10, 1 << 20),
            settings.Number("Edge:Limits:MaxRequestHeaders", 100, 10, 10_000),
            body == 0 ? null : body,
            settings.Duration(
                "Edge:Limits:RequestHeadTimeout", TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10)));
    }

    public void Apply(KestrelServerLimits limits)
    {
        limits.MaxRequestHeadersTotalSize = MaxRequestHeadSize;
        limits.MaxRequestLineSize = MaxRequestHeadSize;
        limits.MaxRequestHeaderCount = MaxRequestHeaders;
        limits.MaxRequestBodySize = MaxRequestBodySize;
        limits.RequestHeadersTimeout = RequestHeadTimeout;
        limits.Http2.MaxRequestHeaderFieldSize = MaxRequestHeadSize;

        // Kestrel's default of 1 MiB a connection is too much for thousands of streams whose receivers are slow.
        limits.MaxRequestBufferSize = Math.Max(128 << 10, MaxRequestHeadSize);
    }
}
