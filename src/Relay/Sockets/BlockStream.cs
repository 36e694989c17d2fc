using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Relay.Sockets;

/// <summary>What a TLS session needs below it: a reader and a writer as a stream. Nothing is buffered, and a read of zero bytes waits.</summary>
internal sealed class BlockStream(BlockInput input, BlockOutput output) : Stream
{
    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var result = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
        var bytes = result.Buffer.Length > buffer.Length ? result.Buffer.Slice(0, buffer.Length) : result.Buffer;
        bytes.CopyTo(buffer.Span);
        input.AdvanceTo(bytes.End);
        return (int)bytes.Length;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var flush = output.WriteAsync(buffer, cancellationToken);
        if (!flush.IsCompletedSuccessfully)
        {
            return AwaitAsync(flush);
        }

        flush.GetAwaiter().GetResult();
        return ValueTask.CompletedTask;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private static async ValueTask AwaitAsync(ValueTask<FlushResult> flush) => await flush.ConfigureAwait(false);
}
