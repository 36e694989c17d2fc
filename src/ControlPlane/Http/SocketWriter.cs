using System.Buffers;
using System.IO.Pipelines;
using System.Net.WebSockets;

namespace ControlPlane.Http;

/// <summary>
/// A <see cref="PipeWriter"/> that sends each flush as binary messages. It has no background task, and no buffer between flushes. A flush
/// waits while the socket applies back-pressure. Not thread-safe, except <see cref="CancelPendingFlush"/>.
/// </summary>
internal sealed class SocketWriter(WebSocket socket) : PipeWriter
{
    // Common WebSocket libraries accept messages up to this size by default.
    private const int MaxMessageBytes = 32 * 1024;
    private const int MinBufferBytes = 1024;

    private readonly TaskCompletionSource _canceled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private byte[] _buffer = [];
    private int _length;

    /// <summary>The last flush. It may still run after its cancellation. It fails with the socket's exception.</summary>
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
        // A cancelled flush may be half-way through a message, so that no other can follow it.
        if (_canceled.Task.IsCompleted || !Sending.IsCompleted)
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

    /// <summary>Cancels the pending flush and all later ones.</summary>
    public override void CancelPendingFlush() => _canceled.TrySetResult();

    /// <summary>Discards unflushed bytes.</summary>
    public override void Complete(Exception? exception = null) => ReturnBuffer(ref _buffer);

    /// <summary>Flushes the remaining bytes, unless there is an <paramref name="exception"/>.</summary>
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

    private static void ReturnBuffer(ref byte[] buffer)
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
                var message = buffer.AsMemory(sent, Math.Min(length - sent, MaxMessageBytes));
                await socket.SendAsync(message, WebSocketMessageType.Binary, WebSocketMessageFlags.EndOfMessage, CancellationToken.None);
                sent += message.Length;
            }
        }
        finally
        {
            ReturnBuffer(ref buffer);
        }
    }

    private async Task<FlushResult> WaitAsync(Task sending, CancellationToken cancellationToken)
    {
        if (await Task.WhenAny(sending, _canceled.Task).WaitAsync(cancellationToken) != sending)
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

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(Math.Max(needed, MinBufferBytes), 2 * _length));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        ReturnBuffer(ref _buffer);
        _buffer = larger;
    }
}
