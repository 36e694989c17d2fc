namespace LocalAgent.Terminals;

/// <summary>The limits of the terminals.</summary>
public sealed record TerminalOptions
{
    /// <summary>Terminals at once.</summary>
    public int MaxSessions { get; init; } = 64;

    /// <summary>Clients of one terminal at once.</summary>
    public int MaxAttachments { get; init; } = 16;

    /// <summary>How long a terminal without a client lives (tailnet.md §6.3).</summary>
    public TimeSpan DetachedTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// The rate that all terminals with a bulk of output share, in bytes a second; a single terminal gets half of it at most. The
    /// default keeps a quarter of the machine busy: 1 MiB costs about 0.1 s of a processor, from a program's short lines to the
    /// client.
    /// </summary>
    public int MaxOutputRate { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 16) * (2 << 20);

    /// <summary>The output that is kept for clients that attach later or fall behind, in bytes (tailnet.md §6.3).</summary>
    public int ScrollbackBytes { get; init; } = 64 << 10;

    /// <summary>The output of one terminal that the shared rate does not limit, in bytes.</summary>
    public int OutputBurst { get; init; } = 256 << 10;

    /// <summary>The time between SIGHUP and SIGKILL for the processes of a terminal that ends.</summary>
    public TimeSpan HangUpGrace { get; init; } = TimeSpan.FromSeconds(2);
}
