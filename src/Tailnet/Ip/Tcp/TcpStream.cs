namespace Tailnet.Ip.Tcp;

/// <summary>
/// The stream of a TCP connection to an agent. One read and one write may be pending at a time. After the connection has failed, reads
/// first return the data that was received before; then reads and writes throw <see cref="TcpException"/>.
/// </summary>
public sealed class TcpStream : AgentStream
{
    private readonly TcpConnection _connection;
    private readonly ITcpHost _host;
    private readonly Lock _gate;
    private readonly TcpOperation _connecting;
    private readonly TcpOperation _reading;
    private readonly TcpOperation _writing;

    private Memory<byte> _readBuffer;
    private ReadOnlyMemory<byte> _writeBuffer;
    private bool _completed;
    private bool _disposed;

    internal TcpStream(TcpConnection connection, ITcpHost host)
    {
        _connection = connection;
        _host = host;
        _gate = host.Context.Gate;
        _connecting = new TcpOperation(_gate);
        _reading = new TcpOperation(_gate);
        _writing = new TcpOperation(_gate);
    }

    /// <summary>Why the connection has ended; <see cref="TcpCloseReason.None"/> while it is open.</summary>
    public TcpCloseReason CloseReason
    {
        get
        {
            lock (_gate)
            {
                return _connection.Reason;
            }
        }
    }

    /// <summary>The smoothed round-trip time; zero before the first measurement.</summary>
    public TimeSpan RoundTrip
    {
        get
        {
            lock (_gate)
            {
                return TimeSpan.FromMicroseconds(_connection.RoundTrip);
            }
        }
    }

    /// <inheritdoc/>
    public override bool CanRead => !_disposed;

    /// <inheritdoc/>
    public override bool CanWrite => !_disposed && !_completed;

    internal TcpConnection Connection => _connection;

    internal bool IsQueued { get; set; }

    internal bool IsWriting => _writing.IsWaiting;

    internal int Unwritten => _writeBuffer.Length;

    /// <summary>Closes this side's half of the connection with a FIN after the last byte. Reads are still possible.</summary>
    /// <exception cref="InvalidOperationException">A write is pending, or the connection is not established yet.</exception>
    public override void CompleteWrites()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_writing.IsWaiting || _connection.State == TcpState.SynSent)
            {
                throw new InvalidOperationException(_writing.IsWaiting ? "A write has not ended." : "The connection is not open yet.");
            }

            if (_completed || _connection.State == TcpState.Closed)
            {
                return;
            }

            _completed = true;
            _connection.CompleteWrites();
        }

        _host.Wake();
    }

    /// <summary>Ends the connection at once with an RST, and discards unsent and unread data.</summary>
    public override void Abort()
    {
        lock (_gate)
        {
            _connection.Abort(TcpCloseReason.LocalAbort, tellPeer: true);
        }

        _host.Wake();
        _host.Context.RunCompletions();
    }

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<int>(cancellationToken);
        }

        bool done, update;
        int length;
        Exception? failure;
        lock (_gate)
        {
            if (_reading.IsWaiting)
            {
                throw new InvalidOperationException("Another read has not ended.");
            }

            done = TryRead(buffer.Span, out length, out update, out failure);
            if (!done)
            {
                _readBuffer = buffer;
                _reading.Begin(RunsInline);
            }
        }

        if (update)
        {
            _host.Wake();
        }

        if (done)
        {
            return failure is null ? new ValueTask<int>(length) : ValueTask.FromException<int>(failure);
        }

        var task = new ValueTask<int>(_reading, _reading.Version);
        _reading.Register(cancellationToken);
        return task;
    }

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        bool done;
        Exception? failure;
        lock (_gate)
        {
            if (_writing.IsWaiting || _completed)
            {
                throw new InvalidOperationException(_completed ? "The writing half is closed." : "Another write has not ended.");
            }

            _writeBuffer = buffer;
            done = TryWrite(out failure);
            if (!done)
            {
                _writing.Begin(RunsInline);
            }
        }

        if (failure is not null)
        {
            return ValueTask.FromException(failure);
        }

        ValueTask task = default;
        if (!done)
        {
            task = new ValueTask(_writing, _writing.Version);
            _writing.Register(cancellationToken);
        }

        _host.Wake();
        return task;
    }

    /// <summary>Waits for the answer to the SYN.</summary>
    /// <exception cref="TcpException">The connection was refused, timed out or was ended; the reason says which.</exception>
    internal ValueTask ConnectAsync(CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (_connection.State != TcpState.SynSent)
            {
                return Failure() is { } failure ? ValueTask.FromException(failure) : ValueTask.CompletedTask;
            }

            _connecting.Begin(RunsInline);
        }

        var task = new ValueTask(_connecting, _connecting.Version);
        _connecting.Register(cancellation);
        return task;
    }

    /// <summary>Completes the pending connect, read and write where possible. The caller must not hold the lock.</summary>
    internal void RunCompletions()
    {
        bool connected, read, written, wake;
        Exception? connectFailure, readFailure = null, writeFailure = null;
        var length = 0;
        lock (_gate)
        {
            connectFailure = Failure();
            connected = _connection.State != TcpState.SynSent && _connecting.TryTake();
            wake = false;
            read = _reading.IsWaiting && TryRead(_readBuffer.Span, out length, out wake, out readFailure) && _reading.TryTake();
            var before = _writeBuffer.Length;
            written = _writing.IsWaiting && TryWrite(out writeFailure) && _writing.TryTake();
            wake |= before != _writeBuffer.Length;
        }

        if (wake)
        {
            _host.Wake();
        }

        if (connected)
        {
            _connecting.Complete(0, connectFailure);
        }

        if (written)
        {
            _writing.Complete(0, writeFailure);
        }

        if (read)
        {
            _reading.Complete(length, readFailure);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            lock (_gate)
            {
                if (_disposed)
                {
                    return;
                }

                _disposed = true;
                _connection.Close(_host.Context.Now);
                _host.Context.Complete(this);
            }

            _host.Wake();
            _host.Context.RunCompletions();
        }

        base.Dispose(disposing);
    }

    private bool TryRead(Span<byte> buffer, out int length, out bool update, out Exception? failure)
    {
        length = 0;
        update = false;
        failure = null;
        if (!_disposed && _connection.Reason != TcpCloseReason.LocalAbort)
        {
            if (_connection.Readable > 0)
            {
                update = _connection.Read(buffer, out length);
                return true;
            }

            if (_connection.IsAtEnd)
            {
                return true;
            }
        }

        failure = Failure();
        return failure is not null;
    }

    /// <summary>Copies as much of the pending write as fits. True when the write is complete or has failed.</summary>
    private bool TryWrite(out Exception? failure)
    {
        failure = Failure();
        if (failure is not null)
        {
            _writeBuffer = default;
            return true;
        }

        _writeBuffer = _writeBuffer[_connection.Write(_writeBuffer.Span)..];
        return _writeBuffer.IsEmpty;
    }

    private Exception? Failure() => _disposed
        ? new ObjectDisposedException(nameof(TcpStream))
        : _connection.State == TcpState.Closed ? new TcpException(_connection.Reason) : null;
}
