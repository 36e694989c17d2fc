using Edge.Settings;

namespace Edge.LocalAgent.Terminals;

/// <summary>The limits of the local agent's terminals (<c>ControlPlane:Terminals</c>), and the numbers that are no settings.</summary>
internal sealed record TerminalOptions
{
    private const string Section = "ControlPlane:Terminals:";

    /// <summary><c>MaxSessions</c>: terminals at once.</summary>
    public int MaxSessions { get; init; } = 64;

    /// <summary><c>MaxAttachments</c>: clients of one terminal at once.</summary>
    public int MaxAttachments { get; init; } = 16;

    /// <summary><c>DetachedTimeout</c>: how long a terminal lives with nobody attached (tailnet.md §6.3).</summary>
    public TimeSpan DetachedTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// <c>MaxOutputRate</c>: what all terminals that pour share, in bytes a second; one alone gets half at most. By default a quarter of the machine
    /// is busy with so much: it costs about 0.1 s of a processor for each MiB, from the program's short lines to the client.
    /// </summary>
    public int MaxOutputRate { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 16) * (2 << 20);

    /// <summary>The output kept for those who attach later or fall behind, in bytes (tailnet.md §6.3).</summary>
    public int ScrollbackBytes { get; init; } = 64 << 10;

    /// <summary>What a terminal may put out at once before its share counts, in bytes.</summary>
    public int OutputBurst { get; init; } = 256 << 10;

    /// <summary>How long a terminal's processes may take to end after a hang-up, before they are killed.</summary>
    public TimeSpan HangUpGrace { get; init; } = TimeSpan.FromSeconds(2);

    public static TerminalOptions Read(SettingsReader settings)
    {
        var defaults = new TerminalOptions();
        return new TerminalOptions
        {
            MaxSessions = settings.Number(Section + nameof(MaxSessions), defaults.MaxSessions, 1, 1_000),
            MaxAttachments = settings.Number(Section + nameof(MaxAttachments), defaults.MaxAttachments, 1, 1_000),
            DetachedTimeout = settings.Duration(Section + nameof(DetachedTimeout), defaults.DetachedTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)),
            MaxOutputRate = settings.Number(Section + nameof(MaxOutputRate), defaults.MaxOutputRate, 64 << 10, 1 << 30),
        };
    }

    /// <summary>The same for a process that is started with them.</summary>
    public IEnumerable<string> ToArguments() =>
    [
        FormattableString.Invariant($"--{Section}{nameof(MaxSessions)}={MaxSessions}"),
        FormattableString.Invariant($"--{Section}{nameof(MaxAttachments)}={MaxAttachments}"),
        FormattableString.Invariant($"--{Section}{nameof(DetachedTimeout)}={(long)DetachedTimeout.TotalMilliseconds}ms"),
        FormattableString.Invariant($"--{Section}{nameof(MaxOutputRate)}={MaxOutputRate}"),
    ];
}
