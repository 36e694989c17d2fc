using Edge.Settings;

namespace Edge.Listeners;

/// <summary>Limits of accepted connections, and the proxies whose PROXY headers are trusted.</summary>
internal sealed record EdgeConnectionOptions
{
    /// <summary>
    /// <c>Edge:Limits:MaxConnections</c>: open connections of all public listeners together. Connections of trusted proxies
    /// count too, since the limit guards this process's memory and descriptors. 0 means as many as the descriptor limit
    /// allows (<see cref="DescriptorLimit"/>). Default 8,192.
    /// </summary>
    public int MaxConnections { get; init; } = 8_192;

    /// <summary>
    /// <c>Edge:Limits:MaxConnectionsPerAddress</c>: open connections of one IPv4 address or IPv6 /64. 0 means no limit;
    /// otherwise the least is 1,000, because whole offices and clusters share one address. Trusted proxies are exempt, but
    /// not the clients that they announce with a PROXY header. Default 1,024.
    /// </summary>
    public int MaxConnectionsPerAddress { get; init; } = 1_024;

    /// <summary><c>Edge:TrustedProxies</c>: the proxies whose PROXY header is trusted.</summary>
    public TrustedProxySet TrustedProxies { get; init; } = TrustedProxySet.None;

    /// <summary>The time for a trusted proxy to send its PROXY header, or the first bytes without one. Default 10 s.</summary>
    public TimeSpan ProxyHeaderTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <exception cref="SettingsException">A value is not allowed.</exception>
    public static EdgeConnectionOptions Read(SettingsReader reader)
    {
        const string PerAddress = "Edge:Limits:MaxConnectionsPerAddress";
        const int Most = 10_000_000;
        var defaults = new EdgeConnectionOptions();
        var perAddress = reader.Number(PerAddress, defaults.MaxConnectionsPerAddress, 0, Most);
        if (perAddress is > 0 and < 1_000)
        {
            throw new SettingsException(
                PerAddress, reader.Text(PerAddress), $"allowed are 0 (no limit) and whole numbers from 1000 to {Most}");
        }

        return defaults with
        {
            MaxConnections = reader.Number("Edge:Limits:MaxConnections", defaults.MaxConnections, 0, Most),
            MaxConnectionsPerAddress = perAddress,
            TrustedProxies = TrustedProxySet.Read(reader),
        };
    }
}
