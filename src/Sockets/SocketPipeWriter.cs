using System.Net.Sockets;

namespace Sockets;

/// <summary>A pipe writer right on a socket.</summary>
public sealed class SocketPipeWriter : TransportPipeWriter
{
    private readonly Socket _socket;
    private Action<Exception> _broken;
    private Departure? _departure;

    /// <summary>Writes to a socket.</summary>
    /// <param name="socket">Connected; not owned. It becomes non-blocking.</param>
    /// <param name="broken">Called once, on the thread pool, when sending fails, so that the socket's owner learns of it.</param>
    public SocketPipeWriter(Socket socket, Action<Exception> broken)
    {
        ArgumentNullException.ThrowIfNull(socket);
        socket.Blocking = false;
        (_socket, _broken) = (socket, broken);
    }

    /// <summary>Changes who learns of a broken socket.</summary>
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

        _departure ??= new Departure(this);
        _departure.SetBuffer(block.Bytes, block.Start, block.Length);
        try
        {
            if (_socket.SendAsync(_departure))
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

    // After an asynchronous send: all of the block is in the kernel, or the socket is broken.
    private protected override void EndSend()
    {
        if (_departure!.SocketError != SocketError.Success)
        {
            Break(new SocketException((int)_departure.SocketError));
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

    private protected override void Free() => _departure?.Dispose();

    /// <summary>How many bytes the kernel took; a broken socket closes the output.</summary>
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

    /// <summary>A send that waits for room in the kernel.</summary>
    private sealed class Departure(SocketPipeWriter output) : SocketAsyncEventArgs(true)
    {
        protected override void OnCompleted(SocketAsyncEventArgs e) => output.OnSent();
    }
}
