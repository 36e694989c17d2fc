using System.Buffers;
using System.IO.Pipelines;
using System.Net.WebSockets;

namespace ControlPlane.Http;

/// <summary>
/// Sends each flush as binary messages, on the thread that flushes: nothing runs beside it, and between flushes there is no buffer. A flush
/// waits while the socket takes nothing. One caller at a time, but for <see cref="CancelPendingFlush"/>.
/// </summary>
internal sealed class SocketWriter(WebSocket socket) : PipeWriter
{
    // What the libraries of the field read at most without being told to take more.
    private const int MaxMessage = 32 * 1024;
    private const int FirstBuffer = 1024;

    private readonly TaskCompletionSource _givenUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private byte[] _buffer = [];
    private int _length;

    /// <summary>The last flush, which may go on after it was given up; throws what the socket has thrown.</summary>
    public Task Sending { get; private set; } = Task.CompletedTask;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _length;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _buffer.AsMemory(_length);
    }

    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _buffer.AsSpan(_length);
    }

    public override void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, (uint)(_buffer.Length - _length), nameof(bytes));
        _length += bytes;
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        // After a flush that was given up nothing can follow it.
        if (_givenUp.Task.IsCompleted || !Sending.IsCompleted)
        {
            return ValueTask.FromResult(new FlushResult(isCanceled: true, isCompleted: false));
        }

        if (_length == 0)
        {
            return default;
        }

        Sending = SendAsync();
        return Sending.IsCompletedSuccessfully ? default : new ValueTask<FlushResult>(WaitAsync(Sending, cancellationToken));
    }

    /// <summary>Gives up the flush that waits, and all that follow: whoever calls it has nothing more to say.</summary>
    public override void CancelPendingFlush() => _givenUp.TrySetResult();

    /// <summary>What is not flushed is not sent.</summary>
    public override void Complete(Exception? exception = null) => GiveBack(ref _buffer);

    /// <summary>Sends what is left.</summary>
    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        try
        {
            if (exception is null)
            {
                await FlushAsync();
            }
        }
        finally
        {
            Complete(exception);
        }
    }

    private static void GiveBack(ref byte[] buffer)
    {
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = [];
        }
    }

    private async Task SendAsync()
    {
        var (buffer, length) = (_buffer, _length);
        (_buffer, _length) = ([], 0);
        try
        {
            for (var sent = 0; sent < length;)
            {
                var message = buffer.AsMemory(sent, Math.Min(length - sent, MaxMessage));
                await socket.SendAsync(message, WebSocketMessageType.Binary, WebSocketMessageFlags.EndOfMessage, CancellationToken.None);
                sent += message.Length;
            }
        }
        finally
        {
            GiveBack(ref buffer);
        }
    }

    private async Task<FlushResult> WaitAsync(Task sending, CancellationToken cancellationToken)
    {
        if (await Task.WhenAny(sending, _givenUp.Task).WaitAsync(cancellationToken) != sending)
        {
            return new FlushResult(isCanceled: true, isCompleted: false);
        }

        await sending;
        return default;
    }

    private void Reserve(int sizeHint)
    {
        var needed = _length + Math.Max(sizeHint, 1);
        if (needed <= _buffer.Length)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(Math.Max(needed, FirstBuffer), 2 * _length));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        GiveBack(ref _buffer);
        _buffer = larger;
    }
}
