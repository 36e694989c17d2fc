using BenchmarkDotNet.Attributes;
using Tailnet.Wire;

namespace Micro;

/// <summary>The two framings under the coordinator's messages: a header written, and read again.</summary>
[MemoryDiagnoser]
public class FramingBenchmarks
{
    private readonly byte[] _bytes = new byte[64];

    /// <summary>A yamux header.</summary>
    [Benchmark]
    public uint Yamux()
    {
        new YamuxHeader(YamuxType.Data, default, 3, 1200).Write(_bytes);
        return YamuxHeader.TryRead(_bytes, out var header) ? header.Length : 0;
    }

    /// <summary>A dRPC frame header.</summary>
    [Benchmark]
    public int Drpc()
    {
        new DrpcFrameHeader(DrpcKind.Message, true, false, 7, 12_345, 1200).Write(_bytes);
        DrpcFrameHeader.TryRead(_bytes, out _, out var size);
        return size;
    }
}
