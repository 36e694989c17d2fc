namespace ControlPlane.AgentRpc;

/// <summary>
/// Whether a resource counts as over its threshold, from a window of measurements; the real server's rule: half of the window in a row,
/// or a fifth of it in all, is too much; a window all below is well; otherwise it stays as it was. Pure.
/// </summary>
internal static class ResourceMonitor
{
    private const int ConsecutivePercent = 50;
    private const int AnywherePercent = 20;

    /// <summary>True when the measurement is at or over the threshold; null when there is none.</summary>
    /// <param name="used">In bytes.</param>
    /// <param name="total">In bytes.</param>
    /// <param name="threshold">In percent.</param>
    public static bool? IsOver(long? used, long total, int threshold) =>
        used is not { } bytes || total <= 0 ? null : (double)bytes / total * 100 >= threshold;

    /// <summary>The state after a window of measurements, the oldest first.</summary>
    public static bool Next(bool wasOver, IReadOnlyList<bool?> window)
    {
        var (longest, run, over, well) = (0, 0, 0, 0);
        foreach (var measurement in window)
        {
            run = measurement is true ? run + 1 : 0;
            longest = Math.Max(longest, run);
            over += measurement is true ? 1 : 0;
            well += measurement is false ? 1 : 0;
        }

        return window.Count == 0 ? wasOver
            : longest * 100 >= ConsecutivePercent * window.Count || over * 100 >= AnywherePercent * window.Count ? true
            : well != window.Count && wasOver;
    }
}
