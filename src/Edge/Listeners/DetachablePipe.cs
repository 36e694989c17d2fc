using System.IO.Pipelines;

namespace Edge.Listeners;

/// <summary>
/// The pipe that the HTTP layer reads and writes. The connection's real input and output can be detached from it: after
/// that, reads return the end of the stream, and writes have no effect.
/// </summary>
internal sealed class DetachablePipe(PipeReader input, PipeWriter output) : IDuplexPipe
{
    private readonly Reader _input = new(input);
    private readonly Writer _output = new(output);

    public PipeReader Input => _input;

    public PipeWriter Output => _output;

    /// <summary>Detaches the input and the output. No read and no flush may be pending.</summary>
    public void Detach()
    {
        _input.Inner = null;
        _output.Inner = null;
    }

    private sealed class Reader(PipeReader inner) : PipeReader
    {
        private static readonly ReadResult Ended = new(default, isCanceled: false, isCompleted: true);
        private volatile PipeReader? _inner = inner;

        public PipeReader? Inner
        {
            set => _inner = value;
        }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
            _inner?.ReadAsync(cancellationToken) ?? ValueTask.FromResult(Ended);

        public override bool TryRead(out ReadResult result)
        {
            result = Ended;
            return _inner?.TryRead(out result) ?? true;
        }

        public override void AdvanceTo(SequencePosition consumed) => _inner?.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => _inner?.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => _inner?.CancelPendingRead();

        public override void Complete(Exception? exception = null) => _inner?.Complete(exception);
    }

    private sealed class Writer(PipeWriter inner) : PipeWriter
    {
        private static readonly FlushResult Ended = new(isCanceled: false, isCompleted: true);
        private volatile PipeWriter? _inner = inner;

        public PipeWriter? Inner
        {
            set => _inner = value;
        }

        public override bool CanGetUnflushedBytes => true;

        public override long UnflushedBytes => _inner?.UnflushedBytes ?? 0;

        public override Memory<byte> GetMemory(int sizeHint = 0) => _inner?.GetMemory(sizeHint) ?? new byte[Math.Max(sizeHint, 1)];

        public override Span<byte> GetSpan(int sizeHint = 0) =>
            _inner is { } inner ? inner.GetSpan(sizeHint) : new byte[Math.Max(sizeHint, 1)];

        public override void Advance(int bytes) => _inner?.Advance(bytes);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
            _inner?.FlushAsync(cancellationToken) ?? ValueTask.FromResult(Ended);

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) =>
            _inner?.WriteAsync(source, cancellationToken) ?? ValueTask.FromResult(Ended);

        public override void CancelPendingFlush() => _inner?.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => _inner?.Complete(exception);
    }
}
