using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;

namespace Sockets;

/// <summary>
/// A reader and a writer as a stream, for a TLS session or a WebSocket on top. The stream buffers nothing. A read of zero bytes waits for
/// bytes. A read that waits allocates nothing. One read at a time.
/// </summary>
internal sealed class BlockStream : DuplexStream, IValueTaskSource<int>
{
    private readonly TransportPipeReader _input;
    private readonly TransportPipeWriter _output;
    private readonly Action _onRead;
    private ConfiguredValueTaskAwaitable<ReadResult>.ConfiguredValueTaskAwaiter _wait;
    private ManualResetValueTaskSourceCore<int> _core;
    private Memory<byte> _buffer;

    public BlockStream(TransportPipeReader input, TransportPipeWriter output) => (_input, _output, _onRead) = (input, output, OnRead);

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var wait = _input.ReadAsync(cancellationToken);
        var read = wait.ConfigureAwait(false).GetAwaiter();
        if (read.IsCompleted)
        {
            return new ValueTask<int>(TakeRead(read.GetResult(), buffer));
        }

        _core.Reset();
        (_wait, _buffer) = (read, buffer);
        var version = _core.Version;
        read.UnsafeOnCompleted(_onRead);
        return new ValueTask<int>(this, version);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var flush = _output.WriteAsync(buffer, cancellationToken);
        if (!flush.IsCompletedSuccessfully)
        {
            return AwaitAsync(flush);
        }

        flush.GetAwaiter().GetResult();
        return ValueTask.CompletedTask;
    }

    int IValueTaskSource<int>.GetResult(short token) => _core.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private int TakeRead(ReadResult result, Memory<byte> buffer)
    {
        var bytes = result.Buffer.Length > buffer.Length ? result.Buffer.Slice(0, buffer.Length) : result.Buffer;
        bytes.CopyTo(buffer.Span);
        _input.AdvanceTo(bytes.End);
        return (int)bytes.Length;
    }

    private void OnRead()
    {
        var (wait, buffer) = (_wait, _buffer);
        (_wait, _buffer) = (default, default);
        int count;
        try
        {
            count = TakeRead(wait.GetResult(), buffer);
        }
        catch (Exception error)
        {
            // The exception goes to the caller of the read, not to the socket thread.
            _core.SetException(error);
            return;
        }

        _core.SetResult(count);
    }

    private static async ValueTask AwaitAsync(ValueTask<FlushResult> flush) => await flush.ConfigureAwait(false);
}
