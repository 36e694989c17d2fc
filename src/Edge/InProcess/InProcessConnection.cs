using System.Buffers;
using System.IO.Pipelines;
using Edge.Connections;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Relay.Sockets;

namespace Edge.InProcess;

/// <summary>
/// The server's side of a connection without a socket; <see cref="Client"/> is the other one.
/// </summary>
/// <remarks>
/// The server reads a request on the thread of the client that flushes it: the client's HTTP layer holds no lock then. The other way round the
/// server's HTTP layer does hold one, so a client that waits for an answer goes on on the thread pool. It seldom has to: an answer that is
/// made without waiting is there before the client asks. A writer waits while there are 64 KiB to be read, as with a socket's buffer.
/// </remarks>
internal sealed class InProcessConnection : DefaultConnectionContext, IDuplexPipe, IMemoryPoolFeature
{
    private static readonly PipeOptions Options = new(
        BlockMemoryPool.Shared,
        readerScheduler: PipeScheduler.Inline,
        writerScheduler: PipeScheduler.ThreadPool,
        pauseWriterThreshold: 64 << 10,
        resumeWriterThreshold: 32 << 10,
        minimumSegmentSize: BlockMemoryPool.Shared.MaxBufferSize,
        useSynchronizationContext: false);

    private readonly Pipe _requests = new(Options);
    private readonly Pipe _answers = new(Options);

    // Never disposed of: it has neither a timer nor a handle, and what fires it need not ask whether it still may.
    private readonly CancellationTokenSource _closed = new();

    public InProcessConnection(InProcessEndPoint endPoint)
        : base(ConnectionIds.Next())
    {
        LocalEndPoint = RemoteEndPoint = endPoint;
        Transport = this;
        Client = new InProcessStream(_answers.Reader, _requests.Writer, FireClosed);
        ConnectionClosed = _closed.Token;
        Features.Set<IMemoryPoolFeature>(this);
    }

    /// <summary>The client's side.</summary>
    public InProcessStream Client { get; }

    public MemoryPool<byte> MemoryPool => BlockMemoryPool.Shared;

    PipeReader IDuplexPipe.Input => _requests.Reader;

    PipeWriter IDuplexPipe.Output => _answers.Writer;

    /// <summary>Breaks the connection for both sides, as a reset does: what was not read yet is lost.</summary>
    public override void Abort(ConnectionAbortedException abortReason) => Client.End(abortReason);

    /// <summary>The server has finished: the client reads what was written, and then the end.</summary>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _requests.Reader.CompleteAsync();
        await _answers.Writer.CompleteAsync();
        FireClosed();
    }

    // What is registered there belongs to the HTTP layer, and may take its time.
    private void FireClosed() => ThreadPool.UnsafeQueueUserWorkItem(static closed => closed.Cancel(), _closed, preferLocal: false);
}
