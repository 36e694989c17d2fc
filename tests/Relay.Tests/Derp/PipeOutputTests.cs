using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Relay.Derp;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp;

/// <summary>How an output over a pipe ends while the peer has not taken all of what it was sent.</summary>
public sealed class PipeOutputTests : IDisposable
{
    // The ServerKey frame is longer than this pipe.
    private static readonly PipeOptions Narrow = new(pauseWriterThreshold: 20, resumeWriterThreshold: 10);

    private readonly DerpRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task TheCloseFrameComesBehindWhatTheClientHadNotReadYet()
    {
        var (up, down) = (new Pipe(), new Pipe(Narrow));
        var served = _rig.Server.RunAsync(DerpTransport.ForWebSocket(up.Reader, down.Writer, null), CancellationToken.None);
        await up.Writer.WriteAsync(Vectors.Bytes("8205")); // Not masked.
        await Eventually.TrueAsync(() => _rig.Clock.IsDueIn(_rig.Options.WriteTimeout), "the server waits for its last bytes to be read");

        var all = await ReadToEndAsync(down.Reader);

        Assert.Equal((0x88, 1002), (all[^11], BinaryPrimitives.ReadUInt16BigEndian(all.AsSpan(all.Length - 9))));
        Assert.Equal(DerpCloseReason.BadHandshake, await served.Soon());
    }

    [Fact]
    public async Task AClientThatNeverReadsItsCloseFrameIsWaitedForAsLongAsForOtherBytes()
    {
        var (up, down) = (new Pipe(), new Pipe(Narrow));
        var served = _rig.Server.RunAsync(DerpTransport.ForWebSocket(up.Reader, down.Writer, null), CancellationToken.None);
        await up.Writer.WriteAsync(Vectors.Bytes("8205"));
        await Eventually.TrueAsync(() => _rig.Clock.IsDueIn(_rig.Options.WriteTimeout), "the server waits");

        _rig.Clock.Advance(_rig.Options.WriteTimeout - TimeSpan.FromMilliseconds(1));
        Assert.False(served.IsCompleted);
        _rig.Clock.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(DerpCloseReason.BadHandshake, await served.Soon());
    }

    [Fact]
    public async Task AWriterIsNotCompletedInTheMidstOfAFlush()
    {
        var stream = new SlowStream();
        var output = new DerpPipeOutput(PipeWriter.Create(stream));
        output.TrySend([1, 2, 3]);
        output.Flush();
        Assert.False(output.IsWritable);

        output.Complete();

        Assert.Equal((0, false, false), (output.TrySend([4]), output.Ended.IsCompleted, stream.IsDisposed));
        stream.Release();
        await output.Ended.Soon();
        Assert.Equal([1, 2, 3], stream.Written);
        Assert.True(stream.IsDisposed);
    }

    [Fact]
    public async Task AWriterThatTheHostCompletedMeanwhileIsLeftAlone()
    {
        var pipe = new Pipe(Narrow);
        var output = new WebSocketLike(pipe.Writer);
        output.TrySend(new byte[30]);
        output.Flush();
        output.Complete();
        await pipe.Writer.CompleteAsync();

        Assert.Equal(30, (await ReadToEndAsync(pipe.Reader)).Length);
        await output.Ended.Soon();
    }

    [Fact]
    public void AnOutputThatIsFreeEndsAtOnce()
    {
        var pipe = new Pipe();
        var output = new WebSocketLike(pipe.Writer);
        output.TrySend([1]);

        output.Complete();
        output.Complete();

        Assert.True(output.Ended.IsCompleted && pipe.Reader.TryRead(out var result) && result is { IsCompleted: true, Buffer.Length: 2 });
    }

    private static async Task<byte[]> ReadToEndAsync(PipeReader reader)
    {
        var all = new List<byte>();
        while (true)
        {
            var result = await reader.ReadAsync().Soon();
            all.AddRange(result.Buffer.ToArray());
            reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return [.. all];
            }
        }
    }

    private sealed class WebSocketLike(PipeWriter writer) : DerpPipeOutput(writer)
    {
        protected override void BeforeComplete() => TryWriteRaw([9]);
    }

    /// <summary>Like a TLS stream: one write at a time, and each takes until it is let go.</summary>
    private sealed class SlowStream : MemoryStream
    {
        private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly List<byte> _written = [];
        private bool _isBusy;

        public byte[] Written => [.. _written];

        public bool IsDisposed { get; private set; }

        public void Release() => _release.SetResult();

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (_isBusy)
            {
                throw new NotSupportedException("one write at a time");
            }

            _written.AddRange(buffer);
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Write(buffer.Span);
            _isBusy = true;
            await _release.Task;
            _isBusy = false;
        }

        protected override void Dispose(bool disposing)
        {
            IsDisposed = true;
            base.Dispose(disposing);
        }
    }
}
