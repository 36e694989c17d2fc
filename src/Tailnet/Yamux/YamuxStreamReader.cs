using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Tailnet.Yamux;

/// <summary>
/// The application's reader of a stream: counts the consumed bytes, which enlarges the peer's window, and throws after the last byte if the
/// session ended before the stream.
/// </summary>
internal sealed class YamuxStreamReader(YamuxStream stream, PipeReader inner) : PipeReader
{
    private ReadOnlySequence<byte> _last;

    // The number of unconsumed bytes, if the application has examined all bytes; otherwise -1.
    private long _unconsumed;

    public override bool TryRead(out ReadResult result)
    {
        var read = inner.TryRead(out result);
        if (read)
        {
            result = Take(result);
        }
        else
        {
            _last = default;
        }

        return read;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (TryRead(out var result))
        {
            return new ValueTask<ReadResult>(result);
        }

        return WaitAsync(inner.ReadAsync(cancellationToken));
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        var bytes = _last.IsEmpty ? 0 : _last.Slice(0, consumed).Length;
        _unconsumed = _last.IsEmpty || _last.Slice(examined).IsEmpty ? _last.Length - bytes : -1;
        _last = default;
        inner.AdvanceTo(consumed, examined);
        if (bytes > 0)
        {
            stream.Consumed(bytes);
        }
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null)
    {
        stream.Discard();
        inner.Complete(exception);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> pending)
    {
        return Take(await pending.ConfigureAwait(false));
    }

    /// <summary>
    /// Hides the end of a stream that its session has cut off: the reader gets the received bytes first, and then the exception.
    /// </summary>
    private ReadResult Take(ReadResult result)
    {
        if (result.IsCompleted && stream.Failure is { } failure)
        {
            if (result.Buffer.Length == _unconsumed)
            {
                inner.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                throw failure;
            }

            result = new ReadResult(result.Buffer, result.IsCanceled, isCompleted: false);
        }

        _last = result.Buffer;
        return result;
    }
}
