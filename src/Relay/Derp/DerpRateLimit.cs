namespace Relay.Derp;

/// <summary>
/// The rate at which clients may send, in payload bytes of all frames (derp.md §3.11). The server enforces it by not reading.
/// </summary>
/// <param name="BytesPerSecond">The rate; 0 for no limit.</param>
/// <param name="Burst">Bytes that may be sent at once; at least 65,568 are allowed, so that every packet can pass.</param>
public sealed record DerpRateLimit(long BytesPerSecond, long Burst)
{
    /// <summary>The most tokens that one payload takes.</summary>
    internal const int MaxTake = (64 * 1024) + 32;

    /// <summary>No limit.</summary>
    public static DerpRateLimit None { get; } = new(0, 0);

    internal double Capacity => Math.Max(Burst, MaxTake);
}
