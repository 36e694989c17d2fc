using System.Net.Sockets;

namespace Sockets;

/// <summary>A pipe writer directly on a socket.</summary>
public sealed class SocketPipeWriter : TransportPipeWriter
{
    private readonly Socket _socket;
    private Action<Exception> _broken;
    private SendOperation? _send;

    /// <summary>Creates a writer.</summary>
    /// <param name="socket">A connected socket, which becomes non-blocking. The caller keeps its ownership.</param>
    /// <param name="broken">Called once, on the thread pool, when a send fails.</param>
    public SocketPipeWriter(Socket socket, Action<Exception> broken)
    {
        ArgumentNullException.ThrowIfNull(socket);
        socket.Blocking = false;
        (_socket, _broken) = (socket, broken);
    }

    /// <summary>Replaces the callback for a failed send.</summary>
    /// <param name="broken">Called once, on the thread pool.</param>
    public void OnBroken(Action<Exception> broken) => Volatile.Write(ref _broken, broken);

    private protected override int SendNow(ReadOnlyMemory<byte> bytes) => SendNow(bytes.Span);

    private protected override bool Send(Block block)
    {
        block.Start += SendNow(block.Span);
        if (block.Length == 0 || IsClosed)
        {
            return true;
        }

        _send ??= new SendOperation(this);
        _send.SetBuffer(block.Bytes, block.Start, block.Length);
        try
        {
            if (_socket.SendAsync(_send))
            {
                return false;
            }
        }
        catch (Exception error) when (error is ObjectDisposedException or InvalidOperationException)
        {
            Break(error);
            return true;
        }

        EndSend();
        return true;
    }

    // After an asynchronous send, either the kernel has the whole block, or the socket is broken.
    private protected override void EndSend()
    {
        if (_send!.SocketError != SocketError.Success)
        {
            Break(new SocketException((int)_send.SocketError));
        }
    }

    private protected override ValueTask EndAsync()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            _broken(error);
        }

        return ValueTask.CompletedTask;
    }

    private protected override void ReportBroken(Exception error) => _broken(error);

    private protected override void Free() => _send?.Dispose();

    /// <summary>Returns how many bytes the kernel has accepted. A broken socket closes the writer.</summary>
    private int SendNow(ReadOnlySpan<byte> bytes)
    {
        var sent = 0;
        while (sent < bytes.Length && !IsClosed)
        {
            try
            {
                var count = _socket.Send(bytes[sent..], SocketFlags.None, out var error);
                if (error == SocketError.Success)
                {
                    sent += count;
                    continue;
                }

                if (error != SocketError.WouldBlock)
                {
                    Break(new SocketException((int)error));
                }

                break;
            }
            catch (ObjectDisposedException error)
            {
                Break(error);
            }
        }

        return sent;
    }

    /// <summary>An asynchronous send, which waits for space in the kernel.</summary>
    private sealed class SendOperation(SocketPipeWriter output) : SocketAsyncEventArgs(true)
    {
        protected override void OnCompleted(SocketAsyncEventArgs e) => output.OnSent();
    }
}
