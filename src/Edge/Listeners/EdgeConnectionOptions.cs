using Edge.Settings;

namespace Edge.Listeners;

/// <summary>Limits of accepted connections, and whose PROXY headers are believed.</summary>
internal sealed record EdgeConnectionOptions
{
    /// <summary>
    /// <c>Edge:Limits:MaxConnections</c>: open connections of all public listeners together, those of trusted proxies too,
    /// since what it guards is this process's memory and descriptors. 0 is no limit but that of descriptors, which the node sets at its
    /// start. Default 8,192.
    /// </summary>
    public int MaxConnections { get; init; } = 8_192;

    /// <summary>
    /// <c>Edge:Limits:MaxConnectionsPerAddress</c>: open connections of one IPv4 address or IPv6 /64. 0 is no limit, otherwise at
    /// least 1,000: whole offices and clusters sit behind one address. Trusted proxies are exempt; the clients that they
    /// announce with a PROXY header are not. Default 1,024.
    /// </summary>
    public int MaxConnectionsPerAddress { get; init; } = 1_024;

    /// <summary><c>Edge:TrustedProxies</c>: whose PROXY header is believed.</summary>
    public TrustedProxySet TrustedProxies { get; init; } = TrustedProxySet.None;

    /// <summary>How long a trusted proxy may take until its first bytes tell whether it sends a PROXY header. Default 10 s.</summary>
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
            throw new SettingsException(PerAddress, reader.Text(PerAddress), $"allowed are 0 (no limit) and whole numbers from 1000 to {Most}");
        }

        return defaults with
        {
            MaxConnections = reader.Number("Edge:Limits:MaxConnections", defaults.MaxConnections, 0, Most),
            MaxConnectionsPerAddress = perAddress,
            TrustedProxies = TrustedProxySet.Read(reader),
        };
    }
}
