using System.Collections.Concurrent;
using System.Net.Sockets;
using Tailnet.Ip.Tcp;

namespace Testing;

/// <summary>The stream of a real connection, with the errors of the tailnet's.</summary>
internal sealed class LoopbackStream(Socket socket) : AgentStream
{
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TcpCloseReason _reason = TcpCloseReason.Reset;

    public Task Disposed => _disposed.Task;

    /// <summary>The lengths of the writes.</summary>
    public ConcurrentQueue<int> Writes { get; } = [];

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
        Writes.Enqueue(buffer.Length);
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
