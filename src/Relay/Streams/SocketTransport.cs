using System.Buffers;
using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;

namespace Relay.Streams;

/// <summary>A connected socket to an API server: TCP, TLS over TCP, or a Unix socket.</summary>
public sealed class SocketTransport : StreamTransport
{
    // Taken from the shared pool once bytes are there.
    private const int ReadBufferSize = 32 * 1024;
    private static readonly IOException Disposed = new("The transport was disposed.");

    private readonly Socket _socket;
    private readonly SslStream? _tls;
    private readonly Stream _stream;
    private int _aborted;

    /// <summary>Takes over a connected socket, and the TLS session over it if there is one.</summary>
    /// <param name="socket">Connected; owned from here on.</param>
    /// <param name="tls">Authenticated already, over this socket; owned from here on.</param>
    public SocketTransport(Socket socket, SslStream? tls = null)
    {
        ArgumentNullException.ThrowIfNull(socket);
        _socket = socket;
        _tls = tls;
        _stream = tls ?? (Stream)new NetworkStream(socket, ownsSocket: false);
        TcpLiveness.Apply(socket);
        Input = PipeReader.Create(
            _stream,
            new StreamPipeReaderOptions(MemoryPool<byte>.Shared, ReadBufferSize, leaveOpen: true, useZeroByteReads: true));
        Output = PipeWriter.Create(_stream, new StreamPipeWriterOptions(MemoryPool<byte>.Shared, leaveOpen: true));
    }

    /// <inheritdoc/>
    public override PipeReader Input { get; }

    /// <inheritdoc/>
    public override PipeWriter Output { get; }

    /// <inheritdoc/>
    public override bool IsBroken => Volatile.Read(ref _aborted) != 0 || HasFailed(_socket);

    /// <summary>Whether the peer has reset the connection; one system call, which takes nothing from the socket. Never throws.</summary>
    /// <param name="socket">A socket that was connected.</param>
    public static bool HasFailed(Socket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        try
        {
            return socket.Poll(0, SelectMode.SelectError);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }

    /// <inheritdoc/>
    public override async ValueTask CompleteOutputAsync()
    {
        if (_tls is not null)
        {
            await _tls.ShutdownAsync().ConfigureAwait(false);
        }

        _socket.Shutdown(SocketShutdown.Send);
    }

    /// <inheritdoc/>
    public override void Abort()
    {
        if (Interlocked.Exchange(ref _aborted, 1) != 0)
        {
            return;
        }

        try
        {
            // With a linger time of zero, close() sends RST and drops what is queued; Unix sockets just close.
            _socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Gone already: then the close below is all there is to do.
            _socket.Dispose();
        }

        _socket.Dispose();
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await Input.CompleteAsync().ConfigureAwait(false);
        // With an error, so that nothing left over is sent now.
        await Output.CompleteAsync(Disposed).ConfigureAwait(false);
        await _stream.DisposeAsync().ConfigureAwait(false);
        _socket.Dispose();
    }
}
