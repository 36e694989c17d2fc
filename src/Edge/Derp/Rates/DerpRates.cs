using Relay.Derp;

namespace Edge.Derp.Rates;

/// <summary>How fast clients may send.</summary>
/// <param name="PerClient">Each of them.</param>
/// <param name="Total">All together.</param>
internal sealed record DerpRates(DerpRateLimit PerClient, DerpRateLimit Total)
{
    /// <summary>The most that may be set, in bytes: an exbibyte, which no double makes inexact beyond what matters.</summary>
    public const long Most = 1L << 60;

    public static DerpRates None { get; } = new(DerpRateLimit.None, DerpRateLimit.None);

    /// <summary>A limit; a burst without a rate means nothing.</summary>
    public static DerpRateLimit Limit(long bytesPerSecond, long burst) =>
        bytesPerSecond == 0 ? DerpRateLimit.None : new DerpRateLimit(bytesPerSecond, burst);

    public void ApplyTo(DerpServer server)
    {
        server.RateLimit = PerClient;
        server.SetTotalRateLimit(Total);
    }
}
