using System.Net.Sockets;
using System.Threading.Tasks.Sources;

namespace Sockets;

/// <summary>
/// A connection as a stream for an HTTP client. Its reads wait on the request threads, complete there, and receive directly into the
/// caller's buffer.
/// </summary>
/// <remarks>
/// One read at a time. A client cancels a request by disposing the stream, on any thread: a pending read then fails, on the thread pool.
/// </remarks>
public sealed class RequestStream : DuplexStream, IRequestReader, IValueTaskSource<int>
{
    private readonly Socket _socket;
    private readonly RequestWait _wait;
    private ManualResetValueTaskSourceCore<int> _core;
    private CancellationTokenRegistration _registration;
    private Memory<byte> _buffer;

    /// <param name="socket">A connected socket, which becomes non-blocking; the stream disposes it.</param>
    /// <param name="threads">The request threads.</param>
    public RequestStream(Socket socket, RequestThreads threads)
    {
        ArgumentNullException.ThrowIfNull(socket);
        socket.Blocking = false;
        _socket = socket;
        _wait = new RequestWait(threads, this);
    }

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<int>(cancellationToken);
        }

        // A read of zero bytes waits until bytes have arrived.
        if (!buffer.IsEmpty && Receive(buffer.Span, out var count) is var error && error != SocketError.WouldBlock)
        {
            return error == SocketError.Success ? new ValueTask<int>(count) : ValueTask.FromException<int>(Failure(error));
        }

        _core.Reset();
        _core.RunContinuationsAsynchronously = false;
        _buffer = buffer;
        var version = _core.Version;
        if (cancellationToken.CanBeCanceled)
        {
            _registration = cancellationToken.UnsafeRegister(
                static (stream, token) => ((RequestStream)stream!).CancelRead(new OperationCanceledException(token)), this);
        }

        if (!_wait.TryBegin(_socket))
        {
            _core.SetException(Failure(SocketError.OperationAborted));
        }
        else if (cancellationToken.IsCancellationRequested)
        {
            // The cancellation may have come before the wait began.
            CancelRead(new OperationCanceledException(cancellationToken));
        }

        return new ValueTask<int>(this, version);
    }

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        int sent;
        SocketError error;
        try
        {
            sent = _socket.Send(buffer.Span, SocketFlags.None, out error);
        }
        catch (ObjectDisposedException)
        {
            (sent, error) = (0, SocketError.OperationAborted);
        }

        return error is not (SocketError.Success or SocketError.WouldBlock) ? ValueTask.FromException(Failure(error))
            : sent < buffer.Length ? SendRestAsync(buffer[sent..], cancellationToken)
            : ValueTask.CompletedTask;
    }

    void IRequestReader.Ready()
    {
        var error = SocketError.Success;
        var count = 0;
        if (!_buffer.IsEmpty && (error = Receive(_buffer.Span, out count)) == SocketError.WouldBlock)
        {
            if (_wait.TryBegin(_socket))
            {
                return;
            }

            error = SocketError.OperationAborted;
        }

        if (error == SocketError.Success)
        {
            _core.SetResult(count);
        }
        else
        {
            _core.SetException(Failure(error));
        }
    }

    int IValueTaskSource<int>.GetResult(short token)
    {
        _registration.Dispose();
        _registration = default;
        _buffer = default;
        return _core.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _socket.Dispose();
            CancelRead(Failure(SocketError.OperationAborted));
            _wait.Unregister();
        }

        base.Dispose(disposing);
    }

    private static IOException Failure(SocketError error) => new("The connection is broken.", new SocketException((int)error));

    private SocketError Receive(Span<byte> destination, out int count)
    {
        try
        {
            count = _socket.Receive(destination, SocketFlags.None, out var error);
            return error;
        }
        catch (ObjectDisposedException)
        {
            count = 0;
            return SocketError.OperationAborted;
        }
    }

    // The continuation runs on the thread pool, because the caller may hold locks.
    private void CancelRead(Exception reason)
    {
        if (_wait.TryClaim())
        {
            _core.RunContinuationsAsynchronously = true;
            _core.SetException(reason);
        }
    }

    private async ValueTask SendRestAsync(ReadOnlyMemory<byte> rest, CancellationToken cancellationToken)
    {
        try
        {
            while (!rest.IsEmpty)
            {
                rest = rest[await _socket.SendAsync(rest, SocketFlags.None, cancellationToken).ConfigureAwait(false)..];
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            throw new IOException("The connection is broken.", error);
        }
    }
}
