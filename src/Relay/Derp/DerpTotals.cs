using Relay.Derp.Wire;

namespace Relay.Derp;

/// <summary>The counts of a server since its start, without those of its open connections.</summary>
internal sealed class DerpTotals
{
    private readonly long[] _droppedPackets = new long[DropReasons.Count * 2];
    private readonly long[] _droppedBytes = new long[DropReasons.Count * 2];
    private readonly long[] _counts = new long[(int)DerpCount.Last];

    public void Dropped(DropReason reason, PacketKind kind, int bytes)
    {
        var index = ((int)reason * 2) + (int)kind;
        Interlocked.Increment(ref _droppedPackets[index]);
        Interlocked.Add(ref _droppedBytes[index], bytes);
    }

    public (long Packets, long Bytes) Drops(DropReason reason, PacketKind kind)
    {
        var index = ((int)reason * 2) + (int)kind;
        return (Volatile.Read(ref _droppedPackets[index]), Volatile.Read(ref _droppedBytes[index]));
    }

    public void Count(DerpCount count, long by = 1) => Interlocked.Add(ref _counts[(int)count], by);

    public long this[DerpCount count] => Volatile.Read(ref _counts[(int)count]);
}
