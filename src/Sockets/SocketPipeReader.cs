using System.Net.Sockets;

namespace Sockets;

/// <summary>A pipe reader directly on a socket.</summary>
public sealed class SocketPipeReader : TransportPipeReader, IRequestReader
{
    private readonly Socket _socket;
    private readonly Func<SocketError, Exception> _failure;
    private readonly RequestWait? _wait;
    private ReceiveOperation? _receive;
    private bool _hasLeftThreads;

    /// <summary>Creates a reader.</summary>
    /// <param name="socket">A connected socket, which becomes non-blocking. The caller keeps its ownership.</param>
    /// <param name="failure">Creates the exception of reads from a socket error; by default an <see cref="IOException"/>.</param>
    /// <param name="readAhead">
    /// A value above 0 makes the reader watch the connection: it reads about this many bytes ahead while no read is pending.
    /// </param>
    /// <param name="ended">Called on the thread pool when the peer ends or breaks a watched connection.</param>
    /// <param name="threads">
    /// The threads on which reads wait while the connection carries no stream. By default the runtime's threads wait, and reads complete on
    /// the thread pool. With request threads, <see cref="Closed"/> must be called.
    /// </param>
    public SocketPipeReader(
        Socket socket,
        Func<SocketError, Exception>? failure = null,
        int readAhead = 0,
        Action? ended = null,
        RequestThreads? threads = null)
        : base(readAhead, ended)
    {
        ArgumentNullException.ThrowIfNull(socket);
        socket.Blocking = false;
        _socket = socket;
        _failure = failure ?? (static error => new IOException("The connection is broken.", new SocketException((int)error)));
        _wait = threads is null ? null : new RequestWait(threads, this);
        MayHaveMore = true;
    }

    /// <summary>Stops watching: later ends of the connection are noticed only by reads.</summary>
    public void StopWatching() => Unwatch();

    /// <summary>
    /// Begins to carry a stream: reads complete inline on the socket thread, use large buffers, and take turns with other streams.
    /// </summary>
    public void BeginStream()
    {
        SetStream(true);
        InlineCompletions.Set(_socket, true);
        LeaveThreads();
    }

    /// <summary>The opposite of <see cref="BeginStream"/>: reads complete on the thread pool, or on the request threads.</summary>
    public void EndStream()
    {
        InlineCompletions.Set(_socket, false);
        SetStream(false);
        lock (Gate)
        {
            _hasLeftThreads = false;
        }
    }

    /// <summary>Stops waiting on the request threads. From then on a close of the socket needs no call of <see cref="Closed"/>.</summary>
    public void LeaveThreads()
    {
        lock (Gate)
        {
            _hasLeftThreads = true;
            if (_wait?.TryClaim() is not true || BeginWait())
            {
                return;
            }
        }

        ResumeOnThreadPool();
    }

    /// <summary>Ends a pending read after the socket was closed.</summary>
    public void Closed()
    {
        if (_wait?.TryClaim() is true)
        {
            ResumeOnThreadPool();
        }
    }

    void IRequestReader.Ready() => OnReady();

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

        _receive ??= new ReceiveOperation(this);
        try
        {
            if (_socket.ReceiveAsync(_receive))
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
        if (_receive is null || _receive.SocketError == SocketError.Success)
        {
            MayHaveMore = true;
        }
        else
        {
            End(_failure(_receive.SocketError));
        }
    }

    private protected override void Receive()
    {
        var block = ReceiveBlock();
        var free = block.FreeLength;
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

        // A receive that did not fill its buffer has emptied the socket; another receive would find nothing.
        MayHaveMore = count == free;
        if (count > 0)
        {
            OnReceived(block, count);
            return;
        }

        MayHaveMore = false;
        OnNothingReceived();
        if (error != SocketError.WouldBlock)
        {
            End(error == SocketError.Success ? null : _failure(error));
        }
    }

    private protected override void Free()
    {
        _receive?.Dispose();
        _wait?.Unregister();
    }

    private void ResumeOnThreadPool() => ThreadPool.UnsafeQueueUserWorkItem(static input => input.OnReady(), this, preferLocal: false);

    /// <summary>An asynchronous receive of zero bytes, which completes when the socket is readable.</summary>
    private sealed class ReceiveOperation(SocketPipeReader input) : SocketAsyncEventArgs(true)
    {
        protected override void OnCompleted(SocketAsyncEventArgs e) => input.OnReady();
    }
}
