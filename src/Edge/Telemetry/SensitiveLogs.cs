namespace Edge.Telemetry;

/// <summary>
/// The log categories of .NET that write request targets, headers or bodies at their lower levels, and with them credentials. No
/// configuration can enable these levels.
/// </summary>
internal static class SensitiveLogs
{
    private static readonly (string Category, LogLevel From)[] Categories =
    [
        // They log raw bytes and headers, at a configurable level.
        ("Microsoft.AspNetCore.HttpLogging", LogLevel.None),
        ("Microsoft.AspNetCore.Server.Kestrel.Core.Internal.LoggingConnectionMiddleware", LogLevel.None),

        // "Request starting … {Path}{QueryString}". It is off at all levels: it writes nothing else, and if it is on, the server starts
        // a span for every request even without tracing, and the proxy forwards that span's id instead of the client's.
        ("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None),

        // "Invalid request line: 'GET /?…'", and the like for headers.
        ("Microsoft.AspNetCore.Server.Kestrel.BadRequests", LogLevel.Warning),

        // "Failed to bind parameter … from "{SourceValue}"", also with query and header values, and targets of redirects.
        ("Microsoft.AspNetCore.Http.RequestDelegateFactory", LogLevel.Warning),
        ("Microsoft.AspNetCore.Http.RequestDelegateGenerator", LogLevel.Warning),
        ("Microsoft.AspNetCore.Http.Result", LogLevel.Warning),
        ("Microsoft.AspNetCore.HttpsPolicy", LogLevel.Warning),
        ("Microsoft.AspNetCore.Rewrite", LogLevel.Warning),
        ("Microsoft.AspNetCore.Routing.DefaultLinkGenerator", LogLevel.Warning),

        // "Proxying to {targetUrl}", and outgoing requests, at Trace with their headers.
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
