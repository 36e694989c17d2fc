namespace Relay.Derp.Connections;

/// <summary>How many connections ended, by reason.</summary>
internal sealed class ClosedConnections
{
    private readonly long[] _counts = new long[DerpCloseReasons.Count];

    public void Count(DerpCloseReason reason) => Interlocked.Increment(ref _counts[(int)reason]);

    public long this[DerpCloseReason reason] => Volatile.Read(ref _counts[(int)reason]);
}
