using BenchmarkDotNet.Attributes;
using Relay.Streams.Wire;

namespace Micro;

/// <summary>What following costs for each 32 KiB read, by the size of the frames in it.</summary>
[MemoryDiagnoser]
public class FrameFollowerBenchmarks
{
    private const int ReadSize = 32 * 1024;
    private byte[] _bytes = [];

    /// <summary>Payload bytes of each frame; frames are masked, as clients send them.</summary>
    [Params(16, 100, 1000, 16_000)]
    public int Payload { get; set; }

    /// <summary>Fills one read with whole frames.</summary>
    [GlobalSetup]
    public void Fill()
    {
        byte[] header = Payload < 126
            ? [0x82, (byte)(0x80 | Payload), 1, 2, 3, 4]
            : [0x82, 0x80 | 126, (byte)(Payload >> 8), (byte)Payload, 1, 2, 3, 4];
        byte[] frame = [.. header, .. new byte[Payload]];
        _bytes = [.. Enumerable.Repeat(frame, ReadSize / frame.Length).SelectMany(static bytes => bytes)];
    }

    /// <summary>One read, whole.</summary>
    [Benchmark]
    public int Follow()
    {
        var follower = default(WebSocketFrameFollower);
        follower.Advance(_bytes, out var boundary);
        return boundary;
    }

    /// <summary>The same bytes in pieces that cut through headers: the way that goes byte by byte.</summary>
    [Benchmark]
    public bool FollowInPieces()
    {
        var follower = default(WebSocketFrameFollower);
        for (var at = 0; at < _bytes.Length; at += 7)
        {
            follower.Advance(_bytes.AsSpan(at, Math.Min(7, _bytes.Length - at)));
        }

        return follower.AtBoundary;
    }
}
