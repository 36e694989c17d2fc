namespace Tailnet.Ip.Tcp;

/// <summary>
/// A TCP connection to an agent. One read and one write may be pending at a time. When the connection has failed, they throw
/// <see cref="TcpException"/>. Disposal sends a FIN after the last byte, or an RST when data is unread. Synchronous reads and writes are
/// not supported, because they would block a thread.
/// </summary>
public abstract class AgentStream : Stream
{
    /// <summary>
    /// Whether the continuations of pending reads and writes run on the thread that processes the packets, and not on the thread pool. This
    /// saves a thread switch for each message of a terminal. A continuation that blocks then blocks the connections of all agents.
    /// </summary>
    public bool RunsInline { get; set; }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public sealed override bool CanSeek => false;

    /// <inheritdoc/>
    public sealed override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public sealed override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Sends a FIN after the last byte. The agent can still send.</summary>
    /// <exception cref="InvalidOperationException">A write is pending.</exception>
    public abstract void CompleteWrites();

    /// <summary>Ends the connection by RST. Unsent and unread data is lost.</summary>
    public abstract void Abort();

    /// <inheritdoc/>
    public abstract override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public abstract override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public sealed override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public sealed override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public sealed override int Read(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("Only asynchronous reads are supported.");

    /// <inheritdoc/>
    public sealed override void Write(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("Only asynchronous writes are supported.");

    /// <summary>Does nothing: a write is sent as soon as the window allows it.</summary>
    public sealed override void Flush()
    {
    }

    /// <inheritdoc/>
    public sealed override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public sealed override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public sealed override void SetLength(long value) => throw new NotSupportedException();
}
