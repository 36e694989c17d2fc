using BenchmarkDotNet.Attributes;
using Relay.Streams.Wire;

namespace Micro;

/// <summary>Unmasking what a client sent in WebSocket messages.</summary>
[MemoryDiagnoser]
public class MaskBenchmarks
{
    private byte[] _source = [];
    private byte[] _target = [];

    /// <summary>Bytes at once.</summary>
    [Params(64, 1200, 16_384)]
    public int Length { get; set; }

    /// <summary>Makes the buffers.</summary>
    [GlobalSetup]
    public void Fill() => (_source, _target) = (new byte[Length], new byte[Length]);

    /// <summary>Beginning in the middle of the mask, as a cut message does.</summary>
    [Benchmark]
    public void Apply() => Mask.Apply(_source, _target, 0x12345678, 1);
}
