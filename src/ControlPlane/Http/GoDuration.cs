namespace ControlPlane.Http;

/// <summary>Durations in JSON, in Go's form: whole nanoseconds (tailnet.md §1.1).</summary>
internal static class GoDuration
{
    public static long Nanoseconds(TimeSpan duration) => (long)Int128.Clamp((Int128)duration.Ticks * 100, long.MinValue, long.MaxValue);
}
