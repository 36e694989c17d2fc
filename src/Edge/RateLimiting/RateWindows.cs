namespace Edge.RateLimiting;

/// <summary>What the limit says about one request.</summary>
/// <param name="Allowed">Whether it may pass.</param>
/// <param name="Remaining">How many more may follow it right now.</param>
/// <param name="ResetsAt">When the present window ends, in Unix seconds.</param>
internal readonly record struct RateDecision(bool Allowed, int Remaining, long ResetsAt);

/// <summary>
/// Counts requests by caller and path in a sliding window of a minute, as the API server's limiter does (httprate): the present minute's
/// count, plus the previous one's in proportion to how much of it the last 60 s still cover. Refused requests do not count.
/// </summary>
internal sealed class RateWindows(RateLimitOptions options, TimeProvider time)
{
    private const int WindowSeconds = 60;

    private readonly SetTable<Window> _table = new(options.WindowSets);

    /// <summary>Entries that it can ever hold.</summary>
    public int Capacity => _table.Capacity;

    public RateDecision Take(UInt128 key)
    {
        var seconds = time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;
        var now = new Moment((long)(seconds / WindowSeconds), seconds % WindowSeconds / WindowSeconds, options.PerMinute);
        return _table.Upsert(key, Count, Worth, now);
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
    /// A stale window is worth nothing; the fuller one is worth more, so that a flood of new keys does not wash a limit
    /// away.
    /// </summary>
    private static long Worth(Window window, Moment now) =>
        window.Minute == now.Minute ? Rate(window, now)
        : window.Minute == now.Minute - 1 ? (long)(window.Current * (1 - now.Elapsed))
        : -1;

    private static int Rate(Window window, Moment now) => (int)Math.Round(window.Current + (window.Previous * (1 - now.Elapsed)));

    /// <param name="Minute">Minutes since the Unix epoch.</param>
    /// <param name="Elapsed">How much of this minute has passed, 0 to 1.</param>
    /// <param name="Limit">Requests a minute.</param>
    private readonly record struct Moment(long Minute, double Elapsed, int Limit);

    private struct Window
    {
        public long Minute;
        public int Current;
        public int Previous;
    }
}
