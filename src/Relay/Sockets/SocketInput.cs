using System.Net.Sockets;

namespace Relay.Sockets;

/// <summary>A pipe reader right on a socket.</summary>
public sealed class SocketInput : BlockInput
{
    private readonly Socket _socket;
    private readonly Arrival _arrival;
    private readonly Func<SocketError, Exception> _failure;

    /// <summary>Reads from a socket.</summary>
    /// <param name="socket">Connected; not owned. It becomes non-blocking.</param>
    /// <param name="failure">Makes what reads throw of a socket's error; by default an <see cref="IOException"/>.</param>
    /// <param name="readAhead">
    /// With a value above 0 it watches: what the peer sends is read up to about so many bytes, although nobody asks for it.
    /// </param>
    /// <param name="ended">Called on the thread pool when the peer has ended or broken the connection while it was watched.</param>
    public SocketInput(Socket socket, Func<SocketError, Exception>? failure = null, int readAhead = 0, Action? ended = null)
        : base(readAhead, ended)
    {
        ArgumentNullException.ThrowIfNull(socket);
        socket.Blocking = false;
        _socket = socket;
        _failure = failure ?? (static error => new IOException("The connection is broken.", new SocketException((int)error)));
        _arrival = new Arrival(this);
        MayHaveMore = true;
    }

    /// <summary>Watches no longer: the connection has an owner that reads, or does not care. The end is then no news before it is read.</summary>
    public void StopWatching() => Unwatch();

    /// <summary>
    /// Carries a stream from now on: reads go on right on the socket thread, from large buffers, and take turns with other streams.
    /// </summary>
    public void BeginStream()
    {
        Stream(true);
        InlineCompletions.Set(_socket, true);
    }

    /// <summary>The opposite of <see cref="BeginStream"/>: reads go on on the thread pool.</summary>
    public void EndStream()
    {
        InlineCompletions.Set(_socket, false);
        Stream(false);
    }

    private protected override bool BeginWait()
    {
        try
        {
            if (_socket.ReceiveAsync(_arrival))
            {
                return true;
            }
        }
        catch (Exception error) when (error is ObjectDisposedException or InvalidOperationException)
        {
            End(_failure(SocketError.OperationAborted));
            return false;
        }

        EndWait();
        return false;
    }

    private protected override void EndWait()
    {
        if (_arrival.SocketError == SocketError.Success)
        {
            MayHaveMore = true;
        }
        else
        {
            End(_failure(_arrival.SocketError));
        }
    }

    private protected override void Receive()
    {
        var block = Room();
        var room = block.Room;
        int count;
        SocketError error;
        try
        {
            count = _socket.Receive(block.Free, SocketFlags.None, out error);
        }
        catch (ObjectDisposedException)
        {
            (count, error) = (0, SocketError.OperationAborted);
        }

        // A receive that did not fill its room has emptied the socket, and the next one would only say so.
        MayHaveMore = count == room;
        if (count > 0)
        {
            Took(block, count);
            return;
        }

        MayHaveMore = false;
        TookNothing();
        if (error != SocketError.WouldBlock)
        {
            End(error == SocketError.Success ? null : _failure(error));
        }
    }

    private protected override void Free() => _arrival.Dispose();

    /// <summary>The wait for the socket.</summary>
    private sealed class Arrival(SocketInput input) : SocketAsyncEventArgs(true)
    {
        protected override void OnCompleted(SocketAsyncEventArgs e) => input.Arrived();
    }
}
