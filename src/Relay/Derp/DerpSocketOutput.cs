using System.Net.Sockets;

namespace Relay.Derp;

/// <summary>
/// An output directly to a TCP socket. It accepts only as much as the kernel does and buffers nothing, so waiting packets stay in their
/// queue, where the oldest can still be dropped. <see cref="UnsentBytes"/> limits the unsent bytes in the kernel, while sent and
/// unacknowledged bytes may be as many as a fast distant peer needs.
/// </summary>
/// <remarks>
/// .NET sockets have no "writable" event. An asynchronous send of one byte takes its place: the next byte of a frame that must be sent to
/// its end anyway.
/// </remarks>
public sealed class DerpSocketOutput : IDerpOutput, IDisposable
{
    /// <summary>The number of unsent bytes above which the kernel accepts no more: 256 KiB.</summary>
    public const int UnsentBytes = 256 * 1024;

    // Linux: IPPROTO_TCP and TCP_NOTSENT_LOWAT.
    private const int TcpLevel = 6;
    private const int NotSentLowWater = 25;

    private readonly Socket _socket;
    private readonly Lock _gate = new();
    private OneByteSend? _wait;
    private Action? _onWritable;
    private volatile bool _isBlocked;
    private volatile bool _isOver;
    private bool _isDisposed;

    /// <summary>Creates an output.</summary>
    /// <param name="socket">A connected socket, which becomes non-blocking. The caller keeps its ownership.</param>
    public DerpSocketOutput(Socket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        socket.Blocking = false;
        _socket = socket;
        if (OperatingSystem.IsLinux() && socket.ProtocolType == ProtocolType.Tcp)
        {
            try
            {
                socket.SetRawSocketOption(TcpLevel, NotSentLowWater, BitConverter.GetBytes(UnsentBytes));
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                _isOver = true; // The connection is closed already; its reader gets the error.
            }
        }
    }

    /// <inheritdoc/>
    public bool IsWritable => !_isBlocked;

    /// <inheritdoc/>
    public void OnWritable(Action callback) => _onWritable = callback;

    /// <inheritdoc/>
    public int TrySend(ReadOnlySpan<byte> bytes)
    {
        if (_isBlocked)
        {
            return 0;
        }

        var sent = 0;
        while (sent < bytes.Length && !_isOver)
        {
            try
            {
                var count = _socket.Send(bytes[sent..], SocketFlags.None, out var error);
                if (error == SocketError.WouldBlock)
                {
                    return sent + WaitBySending(bytes[sent]);
                }

                sent += count;
                _isOver |= error != SocketError.Success;
            }
            catch (ObjectDisposedException)
            {
                _isOver = true;
            }
        }

        // After the end, bytes are accepted and discarded: the connection's reader notices the end and closes.
        return bytes.Length;
    }

    /// <inheritdoc/>
    public void Flush()
    {
        // The kernel has all accepted bytes already.
    }

    /// <inheritdoc/>
    public void Complete() => _isOver = true;

    /// <summary>Frees the pending send. The socket must have been closed before.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            if (!_isBlocked)
            {
                _wait?.Dispose();
            }
        }
    }

    // Returns the number of accepted bytes, which is one.
    private int WaitBySending(byte next)
    {
        _wait ??= new OneByteSend(this);
        _wait.Byte[0] = next;
        _isBlocked = true;
        try
        {
            if (_socket.SendAsync(_wait))
            {
                return 1;
            }

            _isOver |= _wait.SocketError != SocketError.Success;
        }
        catch (ObjectDisposedException)
        {
            _isOver = true;
        }

        // The socket is writable again. The caller takes a short send for a full socket, unless the callback says otherwise.
        _isBlocked = false;
        _onWritable?.Invoke();
        return 1;
    }

    private void OnWaited()
    {
        lock (_gate)
        {
            _isOver |= _wait!.SocketError != SocketError.Success;
            _isBlocked = false;
            if (_isDisposed)
            {
                _wait.Dispose();
            }
        }

        _onWritable?.Invoke();
    }

    /// <summary>An asynchronous send of one byte, which completes when the socket is writable.</summary>
    private sealed class OneByteSend : SocketAsyncEventArgs
    {
        private readonly DerpSocketOutput _output;

        public OneByteSend(DerpSocketOutput output)
            : base(true)
        {
            _output = output;
            SetBuffer(Byte, 0, 1);
        }

        public byte[] Byte { get; } = new byte[1];

        protected override void OnCompleted(SocketAsyncEventArgs e) => _output.OnWaited();
    }
}
