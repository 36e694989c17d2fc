namespace Relay.Derp.Connections;

/// <summary>Counts ended connections by reason.</summary>
internal sealed class ClosedConnections
{
    private readonly long[] _counts = new long[DerpCloseReasons.Count];

    public void Count(DerpCloseReason reason) => Interlocked.Increment(ref _counts[(int)reason]);

    public long this[DerpCloseReason reason] => Volatile.Read(ref _counts[(int)reason]);
}
