namespace Edge.RateLimiting;

/// <summary>The decision about one request.</summary>
/// <param name="Allowed">Whether the request may pass.</param>
/// <param name="Remaining">Number of requests that may follow at once.</param>
/// <param name="ResetsAt">End of the current window in Unix seconds.</param>
internal readonly record struct RateDecision(bool Allowed, int Remaining, long ResetsAt);

/// <summary>
/// Counts requests by caller and path in a sliding window of a minute, like the API server's limiter (httprate): the count of the
/// current minute, plus a part of the previous minute's count, in proportion to its overlap with the last 60 s. Refused requests
/// do not count.
/// </summary>
internal sealed class RateWindows(RateLimitOptions options, TimeProvider time)
{
    private const int WindowSeconds = 60;

    private readonly SetTable<Window> _table = new(options.WindowSets);

    /// <summary>Most entries.</summary>
    public int Capacity => _table.Capacity;

    public RateDecision Take(UInt128 key)
    {
        var seconds = time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;
        var now = new Moment((long)(seconds / WindowSeconds), seconds % WindowSeconds / WindowSeconds, options.PerMinute);
        return _table.Upsert(key, Count, Priority, now);
    }

    private static RateDecision Count(ref Window window, Moment now)
    {
        if (window.Minute != now.Minute)
        {
            window.Previous = window.Minute == now.Minute - 1 ? window.Current : 0;
            window.Current = 0;
            window.Minute = now.Minute;
        }

        var rate = Rate(window, now);
        var resetsAt = (now.Minute + 1) * WindowSeconds;
        if (rate >= now.Limit)
        {
            return new RateDecision(false, 0, resetsAt);
        }

        window.Current++;
        return new RateDecision(true, Math.Max(0, now.Limit - rate - 1), resetsAt);
    }

    /// <summary>
    /// The priority of a window in the table. Expired windows have the lowest one, full windows the highest, so that a flood of new
    /// keys does not evict windows that have reached the limit.
    /// </summary>
    private static long Priority(Window window, Moment now) =>
        window.Minute == now.Minute ? Rate(window, now)
        : window.Minute == now.Minute - 1 ? (long)(window.Current * (1 - now.Elapsed))
        : -1;

    private static int Rate(Window window, Moment now) => (int)Math.Round(window.Current + (window.Previous * (1 - now.Elapsed)));

    /// <param name="Minute">Minutes since the Unix epoch.</param>
    /// <param name="Elapsed">Elapsed part of this minute, 0 to 1.</param>
    /// <param name="Limit">Requests a minute.</param>
    private readonly record struct Moment(long Minute, double Elapsed, int Limit);

    private struct Window
    {
        public long Minute;
        public int Current;
        public int Previous;
    }
}
