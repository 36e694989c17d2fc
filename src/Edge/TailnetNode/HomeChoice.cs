using Tailnet.Messages;

namespace Edge.TailnetNode;

/// <summary>
/// Chooses the home region: the relay of this process; else the region of the settings; else the region whose relay answers first. A home
/// that has had no connection for 30 s gives way to the next region. The first two return when they are connected again.
/// </summary>
internal sealed class HomeChoice(RegionRelays relays, TailnetNodeSettings settings, TimeProvider time)
{
    private static readonly TimeSpan MaxDown = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MeasureInterval = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan MeasureTimeout = TimeSpan.FromSeconds(5);

    // A faster region replaces the home only when both are exceeded: frequent moves cost all agents a new route.
    private static readonly TimeSpan MinGain = TimeSpan.FromMilliseconds(10);
    private const double MinGainRatio = 0.2;

    private long? _measuredAt;

    /// <summary>The home from now on; 0 when no relay can be used.</summary>
    /// <param name="home">The home until now; 0 for none.</param>
    /// <param name="stop">Cancels the choice.</param>
    public async Task<int> ChooseAsync(int home, CancellationToken stop)
    {
        var regions = relays.Regions;
        var works = regions.ContainsKey(home) && !(relays.TimeWithoutConnection(home) > MaxDown);
        if (Preferred(regions) is { } preferred && (home == preferred ? works : home == 0 || relays.IsConnected(preferred)))
        {
            return preferred;
        }

        var wait = works ? MeasureInterval : RetryInterval;
        if (regions.Count == 1 && regions.ContainsKey(home))
        {
            return home;
        }

        if (home > 0 && _measuredAt is { } measured && time.GetElapsedTime(measured) < wait)
        {
            return home;
        }

        _measuredAt = time.GetTimestamp();
        return await FastestAsync(regions, works ? home : 0, works ? 0 : home, stop);
    }

    /// <summary>The region that is the home while it works: the relay of this process, or that of the settings; null for none.</summary>
    public int? Preferred(IReadOnlyDictionary<int, DERPMap.Types.Region> regions)
    {
        foreach (var id in regions.Keys)
        {
            if (relays.EmbeddedRelayOf(id) is not null)
            {
                return id;
            }
        }

        return regions.ContainsKey(settings.Home) ? settings.Home : null;
    }

    private async Task<int> FastestAsync(
        IReadOnlyDictionary<int, DERPMap.Types.Region> regions, int home, int excluded, CancellationToken stop)
    {
        var measured = await Task.WhenAll(regions
            .Where(region => region.Key != excluded && (region.Key == home || !region.Value.Avoid))
            .Select(region => MeasureAsync(region.Key, stop)));
        var times = measured
            .Where(static region => region.Time is not null)
            .ToDictionary(static region => region.Id, static region => region.Time!.Value);
        if (times.Count == 0)
        {
            return Math.Max(home, excluded);
        }

        var fastest = times.MinBy(static region => region.Value);
        return times.TryGetValue(home, out var own) && (own - fastest.Value < MinGain || fastest.Value > own * (1 - MinGainRatio))
            ? home
            : fastest.Key;
    }

    /// <summary>The time until a relay of the region has answered the upgrade; null when none answers within 5 s.</summary>
    private async Task<(int Id, TimeSpan? Time)> MeasureAsync(int region, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(MeasureTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        var start = time.GetTimestamp();
        try
        {
            await using var connection = await relays.DialAsync(region, either.Token);
            return (region, time.GetElapsedTime(start));
        }
        catch (Exception error) when (error is IOException or OperationCanceledException)
        {
            stop.ThrowIfCancellationRequested();
            return (region, null);
        }
    }
}
