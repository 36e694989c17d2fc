using System.Buffers;
using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using Relay.Derp;
using Relay.Derp.Queues;
using Relay.Derp.Wire;

namespace Micro;

/// <summary>What a relayed packet costs besides the kernel: its frame read and written, and its way through the queue.</summary>
[MemoryDiagnoser]
public class DerpBenchmarks
{
    private const int Packets = 16;

    private readonly byte[] _packet = RandomNumberGenerator.GetBytes(1200);
    private readonly byte[] _out = new byte[64 * 1024];
    private readonly byte[] _frame;
    private readonly NodeKey _key = NodePrivateKey.Generate().PublicKey;
    private readonly SendQueue _queue;

    /// <summary>Makes a frame and an empty queue.</summary>
    public DerpBenchmarks()
    {
        _frame = new byte[DerpProtocol.HeaderLength + NodeKey.Length + _packet.Length];
        var at = DerpFrames.PacketPrefix(_frame, DerpFrameType.SendPacket, _key, _packet.Length);
        _packet.CopyTo(_frame, at);
        _queue = new SendQueue(new ChunkPool(64 * 1024 * 1024), new QueueLimits(128, 2 * 1024 * 1024), new DerpTotals());
    }

    /// <summary>One frame, whole.</summary>
    [Benchmark]
    public long ReadFrame()
    {
        var buffer = new ReadOnlySequence<byte>(_frame);
        DerpFrameReader.TryRead(ref buffer, DerpProtocol.MaxRelayedPayload, out _, out var payload);
        return payload.Length;
    }

    /// <summary>Header and key of one packet.</summary>
    [Benchmark]
    public int WritePrefix() => DerpFrames.PacketPrefix(_out, DerpFrameType.RecvPacket, _key, _packet.Length);

    /// <summary>16 packets of one sender, taken in turns.</summary>
    [Benchmark(OperationsPerInvoke = Packets)]
    public int QueueAndCompose()
    {
        Enqueue();
        var tally = default(SendTally);
        return _queue.Compose(_out, ref tally);
    }

    /// <summary>16 packets of one sender, sent as they lie.</summary>
    [Benchmark(OperationsPerInvoke = Packets)]
    public int QueueAndSendRun()
    {
        Enqueue();
        var tally = default(SendTally);
        var sent = 0;
        Chunk? cut = null;
        while (_queue.TryPeekRun(_out, out var run))
        {
            sent += run.Length;
            _queue.ConsumeRun(run.Length, ref cut, ref tally);
        }

        return sent;
    }

    private void Enqueue()
    {
        var prefix = _frame.AsSpan(0, DerpProtocol.HeaderLength + NodeKey.Length);
        for (var i = 0; i < Packets; i++)
        {
            _queue.Enqueue(PacketKind.Other, 1, prefix, _packet);
        }
    }
}
