namespace Tailnet.Tests.Ip;

/// <summary>A clock in microseconds that moves only when a simulation says so. It has no timers: the stack under test has none.</summary>
internal sealed class VirtualClock : TimeProvider
{
    public long Now { get; set; }

    public override long TimestampFrequency => 1_000_000;

    public override long GetTimestamp() => Now;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        throw new NotSupportedException("The stack has no timers.");
}
