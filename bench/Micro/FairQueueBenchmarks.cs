using BenchmarkDotNet.Attributes;
using Relay.Derp;
using Relay.Derp.Queues;
using Relay.Derp.Wire;

namespace Micro;

/// <summary>
/// The cost of a packet in a receiver's queue, in and out: with a lane for each sender, with one lane for all senders, and in
/// a plain first-in-first-out ring of bytes.
/// </summary>
[MemoryDiagnoser]
public class FairQueueBenchmarks
{
    private const int Packets = 128;
    private readonly byte[] _prefix = new byte[DerpProtocol.HeaderLength + NodeKey.Length];
    private readonly byte[] _packet = new byte[1200];
    private readonly byte[] _out = new byte[66_048];
    private readonly byte[] _ring = new byte[Packets * 2048];
    private readonly ulong[] _senders = new ulong[Packets];
    private readonly SendQueue _queue = new(new ChunkPool(1L << 30), new QueueLimits(1024, 2 << 20), new DerpTotals());

    /// <summary>Senders whose packets wait at the same time.</summary>
    [Params(1, 8, 64)]
    public int Senders { get; set; }

    /// <summary>Writes the frame's prefix and draws the order of the senders.</summary>
    [GlobalSetup]
    public void Fill()
    {
        DerpFrames.PacketPrefix(_prefix, DerpFrameType.RecvPacket, NodePrivateKey.Generate().PublicKey, _packet.Length);
        var random = new Random(1);
        for (var i = 0; i < Packets; i++)
        {
            _senders[i] = (ulong)random.Next(Senders) * 0x9e3779b97f4a7c15;
        }
    }

    /// <summary>Each sender has a lane, and they take turns.</summary>
    [Benchmark(OperationsPerInvoke = Packets)]
    public long Lanes()
    {
        foreach (var sender in _senders)
        {
            _queue.Enqueue(PacketKind.Other, sender, _prefix, _packet);
        }

        return Drain();
    }

    /// <summary>All in one lane: first come, first served.</summary>
    [Benchmark(OperationsPerInvoke = Packets)]
    public long OneLane()
    {
        foreach (var _ in _senders)
        {
            _queue.Enqueue(PacketKind.Other, 1, _prefix, _packet);
        }

        return Drain();
    }

    /// <summary>No lanes, no kinds, no bounds, no account of memory: one copy in, and sent from where they lie.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Packets)]
    public long PlainFifo()
    {
        var tail = 0;
        foreach (var _ in _senders)
        {
            _prefix.CopyTo(_ring, tail);
            _packet.CopyTo(_ring, tail + _prefix.Length);
            tail += _prefix.Length + _packet.Length;
        }

        return tail;
    }

    // As DerpOutbox does: runs while only one sender's wait, turns otherwise.
    private long Drain()
    {
        var tally = default(SendTally);
        Chunk? cut = null;
        while (!_queue.IsEmpty)
        {
            if (_queue.TryPeekRun(_out, out var run))
            {
                _queue.ConsumeRun(run.Length, ref cut, ref tally);
            }
            else
            {
                _queue.Compose(_out, ref tally);
            }
        }

        return tally.Bytes;
    }
}
