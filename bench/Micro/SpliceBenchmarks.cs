using System.Buffers;
using System.Diagnostics.Metrics;
using System.IO.Pipelines;
using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.DependencyInjection;
using Relay.Streams;

namespace Micro;

/// <summary>
/// The stream relay without sockets: a WebSocket message from client to API server and back, through both directions of a running stream.
/// The pipes hand over in the caller's thread, so one call is the whole way.
/// </summary>
[MemoryDiagnoser]
public class SpliceBenchmarks
{
    private Func<long> _carry = static () => 0;

    /// <summary>Payload bytes of the message.</summary>
    [Params(64, 16_384)]
    public int Length { get; set; }

    /// <summary>Starts the stream.</summary>
    [GlobalSetup]
    public void Fill()
    {
        byte[] size = Length < 126 ? [(byte)Length] : [126, (byte)(Length >> 8), (byte)Length];
        byte[] masked = [0x82, (byte)(0x80 | size[0]), .. size[1..], 1, 2, 3, 4, .. new byte[Length]];
        byte[] plain = [0x82, .. size, .. new byte[Length]];
        var meters = new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>();
        var relay = new StreamRelay(new StreamRelayOptions(), new StreamMetrics(meters), TimeProvider.System);
        var (client, backend) = (new MemoryTransport(), new MemoryTransport());
        _ = relay.RunAsync(client, backend, new StreamInfo(StreamKind.Other, StreamFraming.WebSocket, "bench"), CancellationToken.None);
        _carry = () => client.Pass(masked, backend) + backend.Pass(plain, client);
    }

    /// <summary>There and back.</summary>
    [Benchmark]
    public long Carry() => _carry();

    private sealed class MemoryTransport : StreamTransport
    {
        private static readonly PipeOptions InPlace = new(
            readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, useSynchronizationContext: false);

        private readonly Pipe _in = new(InPlace);
        private readonly Pipe _out = new(InPlace);

        public override PipeReader Input => _in.Reader;

        public override PipeWriter Output => _out.Writer;

        /// <summary>Sends bytes as this end's peer; returns how many the other end's peer has got by then.</summary>
        public long Pass(ReadOnlySpan<byte> bytes, MemoryTransport other)
        {
            _in.Writer.Write(bytes);
            var flushed = _in.Writer.FlushAsync();
            if (!flushed.IsCompletedSuccessfully || !other._out.Reader.TryRead(out var result))
            {
                throw new InvalidOperationException("the relay did not hand the message on at once");
            }

            var length = result.Buffer.Length;
            other._out.Reader.AdvanceTo(result.Buffer.End);
            return length;
        }

        public override ValueTask CompleteOutputAsync() => _out.Writer.CompleteAsync();

        public override void Abort() => _in.Reader.CancelPendingRead();

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
