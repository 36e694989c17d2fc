using Relay.Derp;

namespace Edge.Derp.Rates;

/// <summary>The rate limits of what clients send.</summary>
/// <param name="PerClient">The limit of each client.</param>
/// <param name="Total">The limit of all clients together.</param>
internal sealed record DerpRates(DerpRateLimit PerClient, DerpRateLimit Total)
{
    /// <summary>The highest limit in bytes per second, one exbibyte: a double is still exact enough there.</summary>
    public const long Most = 1L << 60;

    public static DerpRates None { get; } = new(DerpRateLimit.None, DerpRateLimit.None);

    /// <summary>Makes a limit. A burst without a rate has no effect.</summary>
    public static DerpRateLimit Limit(long bytesPerSecond, long burst) =>
        bytesPerSecond == 0 ? DerpRateLimit.None : new DerpRateLimit(bytesPerSecond, burst);

    public void ApplyTo(DerpServer server)
    {
        server.RateLimit = PerClient;
        server.SetTotalRateLimit(Total);
    }
}
