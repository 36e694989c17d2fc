using System.Net.Sockets;
using Tailnet.Ip.Tcp;

namespace Testing;

/// <summary>The stream of a real connection, with the errors of the tailnet's.</summary>
internal sealed class LoopbackStream(Socket socket) : AgentStream
{
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TcpCloseReason _reason = TcpCloseReason.Reset;

    public Task Disposed => _disposed.Task;

    public override bool RunsInline { get; set; }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Ends the connection as the tailnet node does.</summary>
    public void Fail(TcpCloseReason reason)
    {
        _reason = reason;
        socket.Dispose();
    }

    public override void CompleteWrites() => socket.Shutdown(SocketShutdown.Send);

    public override void Abort() => socket.Close(timeout: 0);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await socket.ReceiveAsync(buffer, cancellationToken);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            throw new TcpException(_reason);
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            while (buffer.Length > 0)
            {
                buffer = buffer[await socket.SendAsync(buffer, cancellationToken)..];
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            throw new TcpException(_reason);
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            socket.Dispose();
            _disposed.TrySetResult();
        }

        base.Dispose(disposing);
    }
}
