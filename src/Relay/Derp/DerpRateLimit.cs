namespace Relay.Derp;

/// <summary>How fast clients may send, in payload bytes of all frames (derp.md §3.11). Kept by not reading.</summary>
/// <param name="BytesPerSecond">Per client; 0 for no bound.</param>
/// <param name="Burst">Bytes that a client may send at once; raised to 65,568, so that every packet can pass.</param>
public sealed record DerpRateLimit(long BytesPerSecond, long Burst)
{
    /// <summary>The longest payload that takes tokens.</summary>
    internal const int MaxTake = (64 * 1024) + 32;

    /// <summary>No bound.</summary>
    public static DerpRateLimit None { get; } = new(0, 0);

    internal double Capacity => Math.Max(Burst, MaxTake);
}
