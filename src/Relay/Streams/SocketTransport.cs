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

    /// <summary>Takes over a connected socket.</summary>
    /// <param name="socket">Connected; owned from here on.</param>
    public SocketTransport(Socket socket)
        : this(socket, new SocketPipeReader(socket), new SocketPipeWriter(socket, static _ => { }), tls: null) => TcpLiveness.Apply(socket);

    /// <summary>Takes over a socket with what has been reading and writing on it, bytes that were read and not used included.</summary>
    /// <param name="socket">Connected; owned from here on.</param>
    /// <param name="input">Its reader, with no read pending; owned from here on.</param>
    /// <param name="output">Its writer, with nothing unsent; owned from here on.</param>
    /// <param name="tls">The TLS session over these two, if there is one; owned from here on.</param>
    /// <param name="first">Bytes that were read from the TLS session already.</param>
    public SocketTransport(Socket socket, SocketPipeReader input, SocketPipeWriter output, SslStream? tls = null, ReadOnlySpan<byte> first = default)
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

    /// <summary>Whether what goes over the socket is a TLS session.</summary>
    public bool IsTls => _tls is not null;

    /// <summary>The socket, for what writes to it without <see cref="Output"/>.</summary>
    public Socket Socket => _socket;

    /// <inheritdoc/>
    public override bool IsBroken => Volatile.Read(ref _aborted) != 0 || HasFailed(_socket);

    /// <inheritdoc/>
    public override bool HasEnded => Volatile.Read(ref _aborted) != 0 || SocketEnd.HasCome(_socket);

    /// <inheritdoc/>
    public override long Taken => TcpState.Acknowledged(_socket);

    /// <inheritdoc/>
    public override bool HasUntaken => TcpState.HasUnacknowledged(_socket);

    /// <inheritdoc/>
    public override bool HasVanished(TimeSpan now) => _peer.IsGone(_socket, now);

    /// <inheritdoc/>
    public override void BeginRelay()
    {
        _socketInput.BeginStream();
    }

    /// <summary>Its bytes as a stream, for what wants one; one read and one write at a time. Closing the stream does nothing to the transport.</summary>
    public Stream AsStream() => new BlockStream(_input, _output);

    /// <summary>Begins a TLS session over a connected socket, as its client, and takes both over.</summary>
    /// <param name="socket">Connected; owned from here on, unless this fails.</param>
    /// <param name="options">What is asked of the server.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="System.Security.Authentication.AuthenticationException">The server's certificate is not accepted, or no session comes about.</exception>
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

    /// <summary>Bytes that a TCP socket's peer has acknowledged; 0 for others. One system call. Never throws.</summary>
    /// <param name="socket">A socket that was connected.</param>
    public static long TakenFrom(Socket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return TcpState.Acknowledged(socket);
    }

    /// <summary>Whether a TCP socket's peer has not acknowledged everything; false for others. One system call. Never throws.</summary>
    /// <param name="socket">A socket that was connected.</param>
    public static bool OwesTo(Socket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return TcpState.HasUnacknowledged(socket);
    }

    /// <inheritdoc/>
    public override async ValueTask CompleteOutputAsync()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _aborted) != 0, this);
        await _output.HalfCloseAsync().ConfigureAwait(false);
    }

    /// <summary>Lets what was written leave, with a close_notify on TLS, for so long at most; resets the connection when its peer does not read.</summary>
    /// <param name="limit">How long.</param>
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
            // Something may still have waited there for the TLS session.
            await _socketInput.CompleteAsync().ConfigureAwait(false);
            _socketInput.Dispose();
            _socketOutput.Dispose();
        }
    }

    // Without it the runtime resets a socket that something waits for, although the peer is only meant to see the end.
    private void Shutdown()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The peer was quicker; all that is left is to close this side.
            return;
        }
    }
}
