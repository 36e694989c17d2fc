using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;
using Sockets;

namespace Relay.Streams;

/// <summary>A connected socket: TCP, TLS over TCP, or a Unix socket.</summary>
public sealed class SocketTransport : StreamTransport
{
    private static readonly IOException Disposed = new("The transport was disposed.");

    private readonly Socket _socket;
    private readonly SslStream? _tls;
    private readonly TransportPipeReader _input;
    private readonly TransportPipeWriter _output;
    private readonly SocketPipeReader _socketInput;
    private readonly SocketPipeWriter _socketOutput;
    private VanishedPeer _peer;
    private int _aborted;

    /// <summary>Takes ownership of a connected socket.</summary>
    /// <param name="socket">A connected socket; the transport disposes it.</param>
    public SocketTransport(Socket socket)
        : this(socket, new SocketPipeReader(socket), new SocketPipeWriter(socket, static _ => { }), tls: null) => TcpLiveness.Apply(socket);

    /// <summary>Takes ownership of a socket together with its reader and writer, including bytes that were read and not used yet.</summary>
    /// <param name="socket">A connected socket; the transport disposes it, as it does the following three.</param>
    /// <param name="input">The socket's reader, with no read pending.</param>
    /// <param name="output">The socket's writer, with nothing unsent.</param>
    /// <param name="tls">The TLS session over the reader and the writer, if there is one.</param>
    /// <param name="first">Bytes that were already read from the TLS session.</param>
    public SocketTransport(
        Socket socket, SocketPipeReader input, SocketPipeWriter output, SslStream? tls = null, ReadOnlySpan<byte> first = default)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        _socket = socket;
        _tls = tls;
        (_socketInput, _socketOutput) = (input, output);
        _input = tls is null ? input : new TlsPipeReader(tls, first);
        _output = tls is null ? output : new TlsPipeWriter(tls, output);
    }

    /// <inheritdoc/>
    public override PipeReader Input => _input;

    /// <inheritdoc/>
    public override PipeWriter Output => _output;

    /// <summary>Whether the socket carries a TLS session.</summary>
    public bool IsTls => _tls is not null;

    /// <summary>The socket, for code that writes to it without <see cref="Output"/>.</summary>
    public Socket Socket => _socket;

    /// <inheritdoc/>
    public override bool IsBroken => Volatile.Read(ref _aborted) != 0 || HasFailed(_socket);

    /// <inheritdoc/>
    public override bool HasEnded => Volatile.Read(ref _aborted) != 0 || SocketEnd.HasCome(_socket);

    /// <inheritdoc/>
    public override long AcknowledgedBytes => TcpState.Acknowledged(_socket);

    /// <inheritdoc/>
    public override bool HasUnacknowledged => TcpState.HasUnacknowledged(_socket);

    /// <inheritdoc/>
    public override bool HasVanished(TimeSpan now) => _peer.IsGone(_socket, now);

    /// <inheritdoc/>
    public override void BeginRelay()
    {
        _socketInput.BeginStream();
    }

    /// <summary>
    /// The transport as a stream, with one read and one write at a time. Closing the stream does not close the transport.
    /// </summary>
    public Stream AsStream() => new BlockStream(_input, _output);

    /// <summary>Begins a TLS session as the client over a connected socket, and takes ownership of both.</summary>
    /// <param name="socket">A connected socket; the transport disposes it, unless this method fails.</param>
    /// <param name="options">The requirements on the server.</param>
    /// <param name="cancellationToken">Ends the handshake.</param>
    /// <exception cref="System.Security.Authentication.AuthenticationException">
    /// The server's certificate is not accepted, or the TLS handshake fails.
    /// </exception>
    /// <exception cref="IOException">The connection broke.</exception>
    public static async Task<SocketTransport> AuthenticateAsClientAsync(
        Socket socket, SslClientAuthenticationOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(socket);
        TcpLiveness.Apply(socket);
        var input = new SocketPipeReader(socket);
        var output = new SocketPipeWriter(socket, static _ => { });
        var tls = new SslStream(new BlockStream(input, output));
        try
        {
            await tls.AuthenticateAsClientAsync(options, cancellationToken).ConfigureAwait(false);
            return new SocketTransport(socket, input, output, tls);
        }
        catch
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Whether the peer has reset the connection; one system call, which reads nothing from the socket. Never throws.</summary>
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
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _aborted) != 0, this);
        await _output.HalfCloseAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// Sends everything that was written, and close_notify on TLS. Resets the connection if the peer does not read it within the limit.
    /// </summary>
    /// <param name="limit">The longest time to wait.</param>
    /// <param name="time">The clock.</param>
    public async Task FinishAsync(TimeSpan limit, TimeProvider time)
    {
        try
        {
            var finish = _tls is null ? _output.FinishAsync() : _output.HalfCloseAsync().AsTask();
            await finish.WaitAsync(limit, time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            Abort();
        }
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
            // The socket is closed or broken already; only its disposal is left.
            _socket.Dispose();
        }

        _socket.Dispose();
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await Input.CompleteAsync().ConfigureAwait(false);
        // An error makes the writer discard unsent bytes instead of sending them.
        await Output.CompleteAsync(Disposed).ConfigureAwait(false);
        if (_tls is not null)
        {
            await _tls.DisposeAsync().ConfigureAwait(false);
        }

        if (Volatile.Read(ref _aborted) == 0)
        {
            Shutdown();
        }

        _socket.Dispose();
        _input.Dispose();
        _output.Dispose();
        if (_tls is not null)
        {
            // The TLS session may still have a read pending on the socket.
            await _socketInput.CompleteAsync().ConfigureAwait(false);
            _socketInput.Dispose();
            _socketOutput.Dispose();
        }
    }

    // Without a shutdown the runtime resets a socket that has a pending operation; the peer should see an ordinary end instead.
    private void Shutdown()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The peer has closed first; the caller closes this side.
            return;
        }
    }
}
