using System.Buffers.Binary;

namespace Tailnet.WireGuard;

/// <summary>
/// TAI64N timestamps of initiations (wireguard.md §2.1). They never go back, even when the clock does, and each is later than the last
/// one to the same peer. For concurrent use.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class HandshakeClock(TimeProvider time)
{
    public const int TimestampLength = 12;

    // The lower 24 bits are cleared, as in wireguard-go: an exact clock helps timing attacks. In nanoseconds.
    private const long Step = 1L << 24;
    private const long NanosecondsPerSecond = 1_000_000_000;
    private const ulong EpochLabel = 0x400000000000000a;

    private readonly Lock _lock = new();
    private long _last;

    /// <summary>Writes the next timestamp.</summary>
    /// <param name="lastOfPeer">The last timestamp to the same peer, in nanoseconds of Unix time, 0 for none. It is replaced.</param>
    /// <param name="destination">12 bytes to fill.</param>
    public void Next(ref long lastOfPeer, Span<byte> destination)
    {
        var now = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
        lock (_lock)
        {
            _last = Math.Max(_last, now);
            lastOfPeer = Math.Max(_last, lastOfPeer + Step);
            _last = lastOfPeer;
        }

        var (seconds, nanoseconds) = Math.DivRem(lastOfPeer, NanosecondsPerSecond);
        BinaryPrimitives.WriteUInt64BigEndian(destination, EpochLabel + (ulong)seconds);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], (uint)(nanoseconds & -Step));
    }
}
