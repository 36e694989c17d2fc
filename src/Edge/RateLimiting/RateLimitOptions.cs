using Edge.Settings;

namespace Edge.RateLimiting;

/// <summary>The API's rate limit (tailnet.md §2.4).</summary>
internal sealed record RateLimitOptions
{
    /// <summary><c>Edge:RateLimit:PerMinute</c>: requests a minute of one caller to one path. 0 means no limit. Default 512.</summary>
    public int PerMinute { get; init; } = 512;

    /// <summary>Whether requests without a known credential count by the client's address. Otherwise they do not count.</summary>
    public bool ByAddress { get; init; } = true;

    /// <summary>Number of sets of <see cref="SetTable{T}.Ways"/> windows; a power of two. The default table has 2 MiB.</summary>
    public int WindowSets { get; init; } = 16_384;

    /// <summary>Number of sets of credentials; a power of two. The default table has 2 MiB.</summary>
    public int CredentialSets { get; init; } = 16_384;

    /// <exception cref="SettingsException">The value is not allowed.</exception>
    public static RateLimitOptions Read(SettingsReader reader) =>
        new() { PerMinute = reader.Number("Edge:RateLimit:PerMinute", 512, 0, 1_000_000) };
}
