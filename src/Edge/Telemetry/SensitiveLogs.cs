namespace Edge.Telemetry;

/// <summary>
/// The log categories of the framework that write request targets, headers or bodies, and so credentials, at their lower levels. No
/// configuration turns these on.
/// </summary>
internal static class SensitiveLogs
{
    private static readonly (string Category, LogLevel From)[] Categories =
    [
        // Raw bytes and headers, at any level that they choose.
        ("Microsoft.AspNetCore.HttpLogging", LogLevel.None),
        ("Microsoft.AspNetCore.Server.Kestrel.Core.Internal.LoggingConnectionMiddleware", LogLevel.None),

        // "Request starting … {Path}{QueryString}". At no level: it writes nothing else, and while it could, the server begins a span for
        // every request, whether or not anybody traces, and the proxy sends that span's identity on in place of the client's.
        ("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None),

        // "Invalid request line: 'GET /?…'", and the same for headers.
        ("Microsoft.AspNetCore.Server.Kestrel.BadRequests", LogLevel.Warning),

        // "Failed to bind parameter … from "{SourceValue}"" (also query and header values), redirect targets.
        ("Microsoft.AspNetCore.Http.RequestDelegateFactory", LogLevel.Warning),
        ("Microsoft.AspNetCore.Http.RequestDelegateGenerator", LogLevel.Warning),
        ("Microsoft.AspNetCore.Http.Result", LogLevel.Warning),
        ("Microsoft.AspNetCore.HttpsPolicy", LogLevel.Warning),
        ("Microsoft.AspNetCore.Rewrite", LogLevel.Warning),
        ("Microsoft.AspNetCore.Routing.DefaultLinkGenerator", LogLevel.Warning),

        // "Proxying to {targetUrl}"; outgoing requests and, at Trace, their headers.
        ("Yarp.ReverseProxy.Forwarder", LogLevel.Warning),
        ("System.Net.Http.HttpClient", LogLevel.Warning),
    ];

    /// <summary>Whether a log entry must not be written.</summary>
    public static bool Forbids(string? category, LogLevel level)
    {
        foreach (var (sensitive, from) in Categories)
        {
            if (level < from && IsWithin(category, sensitive))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsWithin(string? category, string parent) =>
        category is not null
        && category.StartsWith(parent, StringComparison.OrdinalIgnoreCase)
        && (category.Length == parent.Length || category[parent.Length] == '.');
}
