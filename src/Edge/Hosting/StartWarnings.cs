using Edge.Connections;

namespace Edge.Hosting;

/// <summary>What an operator should know of settings that are allowed and may not be meant. Said once, at the start.</summary>
internal static class StartWarnings
{
    private const string EdgesUnknown =
        TrustedProxySet.SettingName + " is empty, so nothing is limited by client address in mode api: every connection may be an edge with many clients behind it. "
        + "Set it to the addresses of the edges in front (with none in front, to 127.0.0.1); then Edge:RateLimit:PerMinute and Edge:Limits:MaxConnectionsPerAddress count clients";

    public static IEnumerable<string> For(NodeSettings settings)
    {
        if (DescriptorLimit.Warning(settings.Connections.MaxConnections, DescriptorLimit.Read()) is { } descriptors)
        {
            yield return descriptors;
        }

        if (settings.TakesEdgesForClients)
        {
            yield return EdgesUnknown;
        }
    }
}
