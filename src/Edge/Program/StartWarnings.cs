using Edge.Listeners;

namespace Edge.Program;

/// <summary>Warnings at the start about settings that are allowed, but perhaps not intended.</summary>
internal static class StartWarnings
{
    private const string EdgesUnknown = TrustedProxySet.SettingName
        + " is empty, so mode api has no limits by client address: a connection may be an edge with many clients behind it. "
        + "Set it to the addresses of the edges in front, or to 127.0.0.1 if there are none: "
        + "then Edge:RateLimit:PerMinute and Edge:Limits:MaxConnectionsPerAddress count clients";

    private const string JwtIsNoSession =
        "Edge:Authentication:Jwt is set, but the embedded API server does not accept JSON Web Tokens: "
        + "it answers 401 to a request that has only the token that the edge has verified. "
        + "Clients need a session or agent token of the API server as well, in Coder-Session-Token";

    public static IEnumerable<string> For(NodeSettings settings)
    {
        if (DescriptorLimit.Warning(settings.Connections.MaxConnections, DescriptorLimit.Read(), settings.Options) is { } descriptors)
        {
            yield return descriptors;
        }

        if (settings.ClientsMayBeEdges)
        {
            yield return EdgesUnknown;
        }

        if (settings.Jwt is not null && settings.Options.EmbedsApiServer)
        {
            yield return JwtIsNoSession;
        }
    }
}
