namespace Tailnet.Ip.Tcp;

/// <summary>What differs between connections by their use (docs/wire/tcp.md §6).</summary>
internal sealed record TcpSettings
{
    /// <summary>HTTP requests to an agent: short, and limited in time by their caller.</summary>
    public static readonly TcpSettings Http = new() { ReceiveWindow = 64 * 1024 };

    /// <summary>Terminals: a silent agent is noticed after a minute.</summary>
    public static readonly TcpSettings Terminal = new() { ReceiveWindow = 256 * 1024, KeepAlive = true };

    /// <summary>Forwarded ports and speed tests: throughput counts.</summary>
    public static readonly TcpSettings Bulk = new() { ReceiveWindow = 1024 * 1024, KeepAlive = true };

    /// <summary>Bytes that the peer may send before the application reads.</summary>
    public int ReceiveWindow { get; init; } = 64 * 1024;

    /// <summary>Bytes that the application may write before the peer acknowledges.</summary>
    public int SendBuffer { get; init; } = 256 * 1024;

    /// <summary>Whether an idle connection is probed.</summary>
    public bool KeepAlive { get; init; }

    /// <summary>Time for the answer to the SYN.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);
}
