using System.IO.Pipelines;
using Relay.Streams;

namespace Relay.Tests.Streams;

/// <summary>A transport in memory, whose test knows when the relay waits for bytes.</summary>
internal sealed class PipeTransport : StreamTransport
{
    private readonly Pipe _toRelay = new();
    private readonly Pipe _fromRelay = new(new PipeOptions(pauseWriterThreshold: 64 * 1024, resumeWriterThreshold: 32 * 1024));
    private readonly TaskCompletionSource _aborted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ObservedReader _input;

    public PipeTransport() => _input = new ObservedReader(_toRelay.Reader);

    public override PipeReader Input => _input;

    public override PipeWriter Output => _fromRelay.Writer;

    /// <summary>What the peer sends.</summary>
    public PipeWriter Send => _toRelay.Writer;

    /// <summary>What the peer gets.</summary>
    public PipeReader Receive => _fromRelay.Reader;

    /// <summary>Runs once, when the next read has its result and the relay does not know it yet.</summary>
    public Action? AfterRead
    {
        set => _input.AfterRead = value;
    }

    /// <summary>Until it completes the relay does not go on with what its reads bring, as in a process that does not get to run.</summary>
    public Task Pause
    {
        set => _input.Pause = value;
    }

    /// <summary>Whether the peer is gone without a word.</summary>
    public bool Vanished { get; set; }

    /// <summary>Whether the peer has ended its bytes.</summary>
    public bool Ended { get; set; }

    public Task Aborted => _aborted.Task;

    /// <summary>Ends when the relay has begun one more read than those waited for so far.</summary>
    public Task NextReadAsync() => _input.Reads.WaitAsync(SoonExtensions.Guard, TestContext.Current.CancellationToken);

    public override bool HasEnded => Ended;

    public override bool HasVanished(TimeSpan now) => Vanished;

    public override ValueTask CompleteOutputAsync() => _fromRelay.Writer.CompleteAsync();

    public override void Abort() => _aborted.TrySetResult();

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private sealed class ObservedReader(PipeReader inner) : PipeReader
    {
        public SemaphoreSlim Reads { get; } = new(0);

        public Action? AfterRead { get; set; }

        public Task Pause { get; set; } = Task.CompletedTask;

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            if (AfterRead is not null && TryRead(out var result))
            {
                return new ValueTask<ReadResult>(result);
            }

            var read = inner.ReadAsync(cancellationToken);
            Reads.Release();
            return read.IsCompleted ? read : WaitAsync(read);
        }

        public override bool TryRead(out ReadResult result)
        {
            var hasRead = inner.TryRead(out result);
            if (hasRead && AfterRead is { } act)
            {
                AfterRead = null;
                act();
            }

            return hasRead;
        }

        private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> read)
        {
            var result = await read;
            await Pause;
            return result;
        }

        public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => inner.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);
    }
}
