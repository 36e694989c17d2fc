using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Edge.Connections;

/// <summary>
/// A pipe writer over an accepted socket whose flush completes only when the kernel has taken the bytes. Kestrel's own output
/// is a pipe with a sending loop behind it: it cannot tell when bytes left it, which a half-close has to know.
/// </summary>
/// <remarks>
/// Back-pressure is exact: nothing is buffered here beyond what was written since the last flush. Cancelling a flush stops the
/// wait, not the sending: a partly sent block cannot be taken back. Once the socket is broken, flushes say completed and what is
/// written goes nowhere, as with Kestrel's own output, so that a client's disconnect is no error of the application's.
/// </remarks>
internal sealed class SocketOutput : PipeWriter
{
    private readonly Socket _socket;
    private readonly Action<Exception> _broken;
    private readonly Pipe _pipe;
    private readonly Lock _lock = new();
    private readonly List<ArraySegment<byte>> _segments = [];
    private Task _sending = Task.CompletedTask;
    private CancellationTokenSource? _waiting;
    private bool _cancelNext;
    private bool _completed;
    private volatile bool _closed;

    /// <param name="socket">The accepted socket; not owned.</param>
    /// <param name="pool">Where buffers come from.</param>
    /// <param name="broken">Called once when sending fails, so that the transport learns of it.</param>
    public SocketOutput(Socket socket, MemoryPool<byte> pool, Action<Exception> broken)
    {
        _socket = socket;
        _broken = broken;
        _pipe = new Pipe(new PipeOptions(
            pool, PipeScheduler.Inline, PipeScheduler.Inline, pauseWriterThreshold: 0, resumeWriterThreshold: 0, useSynchronizationContext: false));
    }

    /// <summary>Why the writer was completed, when it was completed with an error.</summary>
    public Exception? Fault { get; private set; }

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _pipe.Writer.UnflushedBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0) => _pipe.Writer.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => _pipe.Writer.GetSpan(sizeHint);

    public override void Advance(int bytes) => _pipe.Writer.Advance(bytes);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        var sending = SendWritten();
        lock (_lock)
        {
            if (_cancelNext)
            {
                _cancelNext = false;
                return ValueTask.FromResult(new FlushResult(isCanceled: true, _closed));
            }

            if (sending.IsCompleted)
            {
                return ValueTask.FromResult(new FlushResult(isCanceled: false, _closed));
            }

            _waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            return WaitAsync(sending, _waiting, cancellationToken);
        }
    }

    public override void CancelPendingFlush()
    {
        CancellationTokenSource? waiting;
        lock (_lock)
        {
            waiting = _waiting;
            _waiting = null;
            _cancelNext = waiting is null;
        }

        waiting?.Cancel();
    }

    /// <summary>Sends what was written in the background; <see cref="FinishAsync"/> waits for it.</summary>
    public override void Complete(Exception? exception = null)
    {
        if (_completed)
        {
            return;
        }

        Fault = exception;
        if (exception is null)
        {
            SendWritten();
        }

        // Only now, since a completed pipe takes no flush; what was committed before stays readable.
        _completed = true;
        _pipe.Writer.Complete();
    }

    /// <summary>Completes when everything written is in the kernel, or cannot get there any more.</summary>
    public async Task FinishAsync()
    {
        Complete();
        await _sending;
        Close();
    }

    /// <summary>Sends everything written, then the end of this direction only; the socket stays readable.</summary>
    public async ValueTask HalfCloseAsync()
    {
        await SendWritten();
        if (_closed)
        {
            return;
        }

        Close();
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            _broken(e);
        }
    }

    private Task SendWritten() => _sending = SendAsync(_sending);

    private async Task SendAsync(Task earlier)
    {
        if (!_completed)
        {
            // Runs on before this method returns to its caller: the pipe has no threshold, so its own flush never waits.
            await _pipe.Writer.FlushAsync();
        }

        await earlier;
        try
        {
            while (!_closed && _pipe.Reader.TryRead(out var read))
            {
                var rest = read.Buffer;
                while (!rest.IsEmpty)
                {
                    rest = rest.Slice(await SendOnceAsync(rest));
                }

                _pipe.Reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            Close();
            _broken(e);
        }
    }

    private ValueTask<int> SendOnceAsync(in ReadOnlySequence<byte> bytes)
    {
        if (bytes.IsSingleSegment)
        {
            return _socket.SendAsync(bytes.First, SocketFlags.None);
        }

        _segments.Clear();
        foreach (var memory in bytes)
        {
            // A memory pool of this process's servers always hands out arrays; the copy is for pools that do not.
            _segments.Add(MemoryMarshal.TryGetArray(memory, out var segment) ? segment : new ArraySegment<byte>(memory.ToArray()));
        }

        return new ValueTask<int>(_socket.SendAsync(_segments, SocketFlags.None));
    }

    /// <summary>From now on what is written is dropped and flushes say completed.</summary>
    private void Close()
    {
        if (!_closed)
        {
            _closed = true;
            _pipe.Reader.Complete();
        }
    }

    private async ValueTask<FlushResult> WaitAsync(Task sending, CancellationTokenSource waiting, CancellationToken caller)
    {
        try
        {
            await sending.WaitAsync(waiting.Token);
            return new FlushResult(isCanceled: false, _closed);
        }
        catch (OperationCanceledException) when (!caller.IsCancellationRequested)
        {
            return new FlushResult(isCanceled: true, _closed);
        }
        catch (OperationCanceledException)
        {
            throw new OperationCanceledException(caller);
        }
        finally
        {
            lock (_lock)
            {
                if (_waiting == waiting)
                {
                    _waiting = null;
                }
            }

            waiting.Dispose();
        }
    }
}
