namespace Tailnet.Ip.Tcp;

/// <summary>Settings of a connection, which depend on its use (docs/wire/tcp.md §6).</summary>
internal sealed record TcpSettings
{
    /// <summary>HTTP requests to an agent: short connections, whose time the caller limits.</summary>
    public static readonly TcpSettings Http = new() { ReceiveWindow = 64 * 1024 };

    /// <summary>Terminals. Keep-alive detects a silent agent after a minute.</summary>
    public static readonly TcpSettings Terminal = new() { ReceiveWindow = 256 * 1024, KeepAlive = true };

    /// <summary>Forwarded ports and speed tests, which need throughput.</summary>
    public static readonly TcpSettings Bulk = new() { ReceiveWindow = 1024 * 1024, KeepAlive = true };

    /// <summary>The largest receive window in bytes.</summary>
    public int ReceiveWindow { get; init; } = 64 * 1024;

    /// <summary>Size of the send buffer in bytes: data written and not acknowledged.</summary>
    public int SendBuffer { get; init; } = 256 * 1024;

    /// <summary>Whether keep-alive probes are sent on an idle connection.</summary>
    public bool KeepAlive { get; init; }

    /// <summary>The longest wait for the answer to the SYN.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);
}
