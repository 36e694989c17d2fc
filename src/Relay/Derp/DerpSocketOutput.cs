using System.Net.Sockets;

namespace Relay.Derp;

/// <summary>
/// Output right to a TCP socket. It takes what the kernel takes and holds nothing itself, so packets that wait stay in their queue, where
/// the oldest can still be dropped. The kernel takes little more than the peer reads: what is unsent in it is bounded by
/// <see cref="UnsentBytes"/>, while what is sent and not acknowledged may be as much as a fast far peer needs.
/// </summary>
/// <remarks>
/// Sockets have no call-back for "writable" that takes nothing. So one byte goes along with the wait: the next of a frame that has to be
/// sent to its end anyway.
/// </remarks>
public sealed class DerpSocketOutput : IDerpOutput, IDisposable
{
    /// <summary>Bytes in the kernel that have not been sent yet, above which it takes no more: 256 KiB.</summary>
    public const int UnsentBytes = 256 * 1024;

    // Linux: IPPROTO_TCP and TCP_NOTSENT_LOWAT.
    private const int TcpLevel = 6;
    private const int NotSentLowWater = 25;

    private readonly Socket _socket;
    private readonly Lock _gate = new();
    private Wait? _wait;
    private Action? _writable;
    private volatile bool _isBlocked;
    private volatile bool _isOver;
    private bool _isDisposed;

    /// <summary>Creates an output.</summary>
    /// <param name="socket">Connected; not owned. It becomes non-blocking.</param>
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
                _isOver = true; // The connection is gone already; whoever reads from it learns why.
            }
        }
    }

    /// <inheritdoc/>
    public bool IsWritable => !_isBlocked;

    /// <inheritdoc/>
    public void OnWritable(Action callback) => _writable = callback;

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
                    return sent + WaitWith(bytes[sent]);
                }

                sent += count;
                _isOver |= error != SocketError.Success;
            }
            catch (ObjectDisposedException)
            {
                _isOver = true;
            }
        }

        // After the end bytes are taken and forgotten: the reader's side finds the end and closes.
        return bytes.Length;
    }

    /// <inheritdoc/>
    public void Flush()
    {
        // Everything that was taken is in the kernel.
    }

    /// <inheritdoc/>
    public void Complete() => _isOver = true;

    /// <summary>Frees what waits for the socket, which must have been closed before.</summary>
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

    // Returns how many bytes were taken: the one.
    private int WaitWith(byte next)
    {
        _wait ??= new Wait(this);
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

        // There was room again. The caller takes a short send for a full socket, unless it hears of the room.
        _isBlocked = false;
        _writable?.Invoke();
        return 1;
    }

    private void Waited()
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

        _writable?.Invoke();
    }

    /// <summary>A send of one byte.</summary>
    private sealed class Wait : SocketAsyncEventArgs
    {
        private readonly DerpSocketOutput _output;

        public Wait(DerpSocketOutput output)
            : base(true)
        {
            _output = output;
            SetBuffer(Byte, 0, 1);
        }

        public byte[] Byte { get; } = new byte[1];

        protected override void OnCompleted(SocketAsyncEventArgs e) => _output.Waited();
    }
}
