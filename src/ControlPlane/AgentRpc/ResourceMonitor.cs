namespace ControlPlane.AgentRpc;

/// <summary>
/// Decides from a window of measurements whether a resource is over its threshold, by the rule of Coder's server. It becomes over if half
/// of the window in a row, or a fifth of the window in total, is over. It becomes normal if the whole window is below. Otherwise the state
/// stays the same. Pure.
/// </summary>
internal static class ResourceMonitor
{
    private const int ConsecutivePercent = 50;
    private const int AnywherePercent = 20;

    /// <summary>Whether the measurement is at or above the threshold; null without a measurement.</summary>
    /// <param name="used">The usage in bytes.</param>
    /// <param name="total">The size in bytes.</param>
    /// <param name="threshold">The threshold in percent.</param>
    public static bool? IsOver(long? used, long total, int threshold) =>
        used is not { } bytes || total <= 0 ? null : (double)bytes / total * 100 >= threshold;

    /// <summary>The state after a window of measurements, the oldest first.</summary>
    public static bool Next(bool wasOver, IReadOnlyList<bool?> window)
    {
        var (longest, run, over, below) = (0, 0, 0, 0);
        foreach (var measurement in window)
        {
            run = measurement is true ? run + 1 : 0;
            longest = Math.Max(longest, run);
            over += measurement is true ? 1 : 0;
            below += measurement is false ? 1 : 0;
        }

        return window.Count == 0 ? wasOver
            : longest * 100 >= ConsecutivePercent * window.Count || over * 100 >= AnywherePercent * window.Count ? true
            : below != window.Count && wasOver;
    }
}
