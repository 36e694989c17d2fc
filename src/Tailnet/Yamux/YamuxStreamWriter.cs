using System.IO.Pipelines;

namespace Tailnet.Yamux;

/// <summary>The application's writer of a stream: each flush queues the stream for the session's write loop.</summary>
internal sealed class YamuxStreamWriter(YamuxStream stream, PipeWriter inner) : PipeWriter
{
    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => inner.UnflushedBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

    public override void Advance(int bytes) => inner.Advance(bytes);

    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        var flush = inner.FlushAsync(cancellationToken);
        stream.OutputChanged();
        return flush;
    }

    public override void Complete(Exception? exception = null)
    {
        if (exception is not null)
        {
            stream.Reset();
        }

        inner.Complete();
        stream.OutputChanged();
    }
}
