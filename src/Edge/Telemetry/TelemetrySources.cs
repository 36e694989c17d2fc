namespace Edge.Telemetry;

/// <summary>The names of meters and activity sources for both exporters. A trailing <c>*</c> matches any suffix.</summary>
internal static class TelemetrySources
{
    // System.Net.Http is not one of them: its label for the host is the Host header, which clients choose.
    /// <summary>
    /// The meters exported over OTLP and at <c>/metrics</c>. The process's other meters have no listener and cost
    /// nothing.
    /// </summary>
    public static readonly IReadOnlyList<string> Meters =
    [
        "Edge", "Edge.*",
        "Relay", "Relay.*",
        "Tailnet", "Tailnet.*",
        "ControlPlane", "ControlPlane.*",
        "Microsoft.AspNetCore.Hosting",
        "Microsoft.AspNetCore.Server.Kestrel",
        "System.Runtime",
        "Yarp.*",
    ];

    /// <summary>
    /// Meters whose instruments have the names of another program's metrics. <c>/metrics</c> shows these names without the suffixes of
    /// OpenTelemetry's rules, so that the program's dashboards and alerts still work.
    /// </summary>
    public static readonly IReadOnlyList<string> ForeignNames = ["Relay.Derp", "Relay.Stun", "Edge.Derp"];

    /// <summary>The activity sources exported over OTLP.</summary>
    public static readonly IReadOnlyList<string> Activities = ["Edge", "Microsoft.AspNetCore", "System.Net.Http"];

    /// <summary>Whether a name matches one of the patterns.</summary>
    public static bool Matches(IReadOnlyList<string> patterns, string name)
    {
        foreach (var pattern in patterns)
        {
            if (pattern.EndsWith('*') ? name.StartsWith(pattern[..^1], StringComparison.Ordinal) : name == pattern)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Whether a tag's value may contain a query string. Clients send session tokens in queries, so such tags are not exported. The
    /// names are from the OpenTelemetry semantic conventions, old and new.
    /// </summary>
    public static bool MayHoldQuery(string tag) => tag is "url.query" or "url.full" or "http.url" or "http.target";
}
