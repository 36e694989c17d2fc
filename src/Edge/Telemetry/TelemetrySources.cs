namespace Edge.Telemetry;

/// <summary>What is measured and traced: the names that both exporters listen to. A trailing <c>*</c> stands for any ending.</summary>
internal static class TelemetrySources
{
    // Not System.Net.Http: it labels by the Host that requests carry, which here is whatever clients send.
    /// <summary>The meters exported over OTLP and at <c>/metrics</c>; others in the process are not listened to and cost nothing.</summary>
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
    /// Meters whose instruments have the names of another program's metrics: they stand at <c>/metrics</c> as they are, without the
    /// endings that the rules of OpenTelemetry would add, so that its dashboards and alerts go on working.
    /// </summary>
    public static readonly IReadOnlyList<string> ForeignNames = ["Relay.Derp", "Relay.Stun", "Edge.Derp"];

    /// <summary>The activity sources exported over OTLP.</summary>
    public static readonly IReadOnlyList<string> Activities = ["Edge", "Microsoft.AspNetCore", "System.Net.Http"];

    /// <summary>Whether a name is in such a list.</summary>
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
    /// Whether a tag's value is, or may hold, a query string. Clients put session tokens into queries, so such tags are never exported.
    /// The names are those of the OpenTelemetry semantic conventions, old and new.
    /// </summary>
    public static bool MayHoldQuery(string tag) => tag is "url.query" or "url.full" or "http.url" or "http.target";
}
