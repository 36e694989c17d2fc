using System.Net;
using System.Net.Sockets;
using Tailnet.Ip.Tcp;

namespace ControlPlane.Tests.Dialing;

/// <summary>Both ends of a TCP connection on loopback: the server's stream, and the agent's socket.</summary>
internal sealed record LoopbackAgent(LoopbackStream Stream, Socket Socket) : IDisposable
{
    public static async Task<LoopbackAgent> ConnectAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(listener.LocalEndPoint!);
        return new LoopbackAgent(new LoopbackStream(socket), await listener.AcceptAsync());
    }

    /// <summary>Sends all the bytes.</summary>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await Socket.SendAsync(bytes, TestContext.Current.CancellationToken)..];
        }
    }

    /// <summary>Sends a FIN.</summary>
    public void Finish() => Socket.Shutdown(SocketShutdown.Send);

    /// <summary>All bytes until the client's FIN.</summary>
    /// <exception cref="SocketException">The server has reset the connection.</exception>
    public async Task<byte[]> ReadToEndAsync()
    {
        using var all = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (await Socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken).AsTask().Soon() is var count && count > 0)
        {
            all.Write(buffer, 0, count);
        }

        return all.ToArray();
    }

    public void Dispose()
    {
        Stream.Dispose();
        Socket.Dispose();
    }
}

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
