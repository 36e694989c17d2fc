using Edge.Settings;

namespace Edge.RateLimiting;

/// <summary>The API's rate limit (tailnet.md §2.4).</summary>
internal sealed record RateLimitOptions
{
    /// <summary><c>Edge:RateLimit:PerMinute</c>: requests a minute of one caller to one path. 0 is no limit. Default 512.</summary>
    public int PerMinute { get; init; } = 512;

    /// <summary>Whether a caller without a known credential counts by its address; otherwise it does not count.</summary>
    public bool ByAddress { get; init; } = true;

    /// <summary>
    /// Sets of <see cref="SetTable{T}.Ways"/> windows that are remembered; a power of two. The default takes 2 MiB,
    /// once.
    /// </summary>
    public int WindowSets { get; init; } = 16_384;

    /// <summary>Sets of credentials that are remembered; a power of two. The default takes 2 MiB, once.</summary>
    public int CredentialSets { get; init; } = 16_384;

    /// <exception cref="SettingsException">The value is not allowed.</exception>
    public static RateLimitOptions Read(SettingsReader reader) =>
        new() { PerMinute = reader.Number("Edge:RateLimit:PerMinute", 512, 0, 1_000_000) };
}
