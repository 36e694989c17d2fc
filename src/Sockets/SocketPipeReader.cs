using System.Net.Sockets;

namespace Sockets;

/// <summary>A pipe reader right on a socket.</summary>
public sealed class SocketPipeReader : TransportPipeReader, IRequestReader
{
    private readonly Socket _socket;
    private readonly Func<SocketError, Exception> _failure;
    private readonly RequestWait? _wait;
    private ReceiveOperation? _arrival;
    private bool _hasLeftThreads;

    /// <summary>Reads from a socket.</summary>
    /// <param name="socket">Connected; not owned. It becomes non-blocking.</param>
    /// <param name="failure">Makes what reads throw of a socket's error; by default an <see cref="IOException"/>.</param>
    /// <param name="readAhead">
    /// With a value above 0 it watches: what the peer sends is read up to about so many bytes, although nobody asks for it.
    /// </param>
    /// <param name="ended">Called on the thread pool when the peer has ended or broken the connection while it was watched.</param>
    /// <param name="threads">
    /// Where it waits while it carries no stream; by default, where all sockets do, and reads go on on the thread pool. With them, <see cref="Closed"/> must be called.
    /// </param>
    public SocketPipeReader(
        Socket socket, Func<SocketError, Exception>? failure = null, int readAhead = 0, Action? ended = null, RequestThreads? threads = null)
        : base(readAhead, ended)
    {
        ArgumentNullException.ThrowIfNull(socket);
        socket.Blocking = false;
        _socket = socket;
        _failure = failure ?? (static error => new IOException("The connection is broken.", new SocketException((int)error)));
        _wait = threads is null ? null : new RequestWait(threads, this);
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
        LeaveThreads();
    }

    /// <summary>The opposite of <see cref="BeginStream"/>: reads go on on the thread pool, or the request threads.</summary>
    public void EndStream()
    {
        InlineCompletions.Set(_socket, false);
        Stream(false);
        lock (Gate)
        {
            _hasLeftThreads = false;
        }
    }

    /// <summary>Waits no longer with the request threads, but as all sockets do: whoever closes the socket from now on need not say so.</summary>
    public void LeaveThreads()
    {
        lock (Gate)
        {
            _hasLeftThreads = true;
            if (_wait?.TryTakeBack() is not true || BeginWait())
            {
                return;
            }
        }

        GoOnElsewhere();
    }

    /// <summary>The socket was closed: what waits for it learns that.</summary>
    public void Closed()
    {
        if (_wait?.TryTakeBack() is true)
        {
            GoOnElsewhere();
        }
    }

    void IRequestReader.Ready() => Arrived();

    private protected override bool BeginWait()
    {
        if (_wait is not null && !_hasLeftThreads)
        {
            if (!_wait.TryBegin(_socket))
            {
                End(_failure(SocketError.OperationAborted));
                return false;
            }

            return true;
        }

        _arrival ??= new ReceiveOperation(this);
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
        if (_arrival is null || _arrival.SocketError == SocketError.Success)
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

    private protected override void Free()
    {
        _arrival?.Dispose();
        _wait?.Forget();
    }

    private void GoOnElsewhere() => ThreadPool.UnsafeQueueUserWorkItem(static input => input.Arrived(), this, preferLocal: false);

    /// <summary>The wait for the socket.</summary>
    private sealed class ReceiveOperation(SocketPipeReader input) : SocketAsyncEventArgs(true)
    {
        protected override void OnCompleted(SocketAsyncEventArgs e) => input.Arrived();
    }
}
