using System.IO.Pipelines;

namespace Relay.Tests.Derp;

/// <summary>
/// Tells whether the server waits for more bytes. With pipes whose schedulers are inline, a write returns once the server
/// waits again or has ended.
/// </summary>
internal sealed class WatchedReader(PipeReader inner) : PipeReader
{
    public bool IsWaiting { get; set; }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        var read = inner.ReadAsync(cancellationToken);
        IsWaiting = !read.IsCompleted;
        return read;
    }

    public override bool TryRead(out ReadResult result) => inner.TryRead(out result);

    public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => inner.AdvanceTo(consumed, examined);

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => inner.Complete(exception);
}
