using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Relay.Derp;

/// <summary>
/// An output over a <see cref="PipeWriter"/>, for TLS and any other transport with a pipe. It accepts all bytes until a flush is pending,
/// and then none until that flush has completed.
/// </summary>
public class DerpPipeOutput : IDerpOutput
{
    // The most unflushed bytes in the pipe. Packets there can no longer be dropped.
    private const int FlushAt = 64 * 1024;

    private readonly PipeWriter _writer;
    private readonly Action _onFlushed;
    private ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter _pending;
    private Action? _onWritable;
    private volatile bool _isPending;
    private volatile bool _isOver;
    private int _unflushed;

    // The states of the end: completion requested, last bytes written, writer completed.
    private readonly Lock _ending = new();
    private bool _mustComplete;
    private bool _isLast;
    private int _isCompleted;
    private TaskCompletionSource? _ended;

    /// <summary>Creates an output.</summary>
    /// <param name="writer">The writer, which is completed with the output. Unflushed bytes in it are sent first.</param>
    public DerpPipeOutput(PipeWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        _writer = writer;
        _onFlushed = OnFlushed;
    }

    /// <inheritdoc/>
    public bool IsWritable => !_isPending;

    /// <inheritdoc/>
    public void OnWritable(Action callback) => _onWritable = callback;

    /// <inheritdoc/>
    public int TrySend(ReadOnlySpan<byte> bytes)
    {
        if (_isPending)
        {
            return 0;
        }

        if (!_isOver)
        {
            Write(_writer, bytes);
            _unflushed += bytes.Length;
            if (_unflushed >= FlushAt)
            {
                Flush();
            }
        }

        // After the end, bytes are accepted and discarded: the connection's reader notices the end and closes.
        return bytes.Length;
    }

    /// <inheritdoc/>
    public virtual void Flush()
    {
        if (_isPending || _isOver || _unflushed == 0)
        {
            return;
        }

        _unflushed = 0;
        ValueTask<FlushResult> flush;
        try
        {
            flush = _writer.FlushAsync(CancellationToken.None);
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException or ObjectDisposedException)
        {
            _isOver = true; // The transport broke; the connection's reader gets the error.
            return;
        }

        var awaiter = flush.ConfigureAwait(false).GetAwaiter();
        if (awaiter.IsCompleted)
        {
            CheckFlush(awaiter);
            return;
        }

        _pending = awaiter;
        _isPending = true;
        awaiter.UnsafeOnCompleted(_onFlushed);
    }

    /// <inheritdoc/>
    public void Complete()
    {
        lock (_ending)
        {
            _mustComplete = true;
            if (_isPending)
            {
                // Some writers accept neither bytes nor their completion while a flush is pending.
                _ended ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                return;
            }
        }

        End();
    }

    /// <summary>Completes when the writer is completed; after <see cref="Complete"/> that waits for a pending flush.</summary>
    internal Task Ended => _ended?.Task ?? Task.CompletedTask;

    /// <summary>Writes bytes into the writer. A transport with framing of its own adds it here.</summary>
    /// <param name="writer">The writer.</param>
    /// <param name="bytes">The bytes.</param>
    protected virtual void Write(IBufferWriter<byte> writer, ReadOnlySpan<byte> bytes) => writer.Write(bytes);

    /// <summary>Runs before the last flush.</summary>
    protected virtual void BeforeComplete()
    {
    }

    /// <summary>Writes bytes of the transport's own framing, unless a flush is pending.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <returns>Whether the bytes were written.</returns>
    protected bool TryWriteRaw(ReadOnlySpan<byte> bytes)
    {
        if (_isPending || _isOver)
        {
            return false;
        }

        _writer.Write(bytes);
        _unflushed += bytes.Length;
        return true;
    }

    private void OnFlushed()
    {
        var awaiter = _pending;
        _pending = default;
        CheckFlush(awaiter);
        bool mustComplete;
        lock (_ending)
        {
            _isPending = false;
            mustComplete = _mustComplete;
        }

        if (mustComplete)
        {
            End();
        }
        else
        {
            _onWritable?.Invoke();
        }
    }

    // Called again after a pending flush of the last bytes.
    private void End()
    {
        if (!_isLast && !_isOver)
        {
            _isLast = true;
            _ended ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            IgnoreBroken(static output =>
            {
                output.BeforeComplete();
                output.Flush();
            });
            if (_isPending)
            {
                return;
            }
        }

        _isOver = true;
        if (Interlocked.Exchange(ref _isCompleted, 1) == 0)
        {
            IgnoreBroken(static output => output._writer.Complete());
            _ended?.TrySetResult();
        }
    }

    // The host may have completed the writer meanwhile, and some writers send their remaining bytes on completion.
    private void IgnoreBroken(Action<DerpPipeOutput> step)
    {
        try
        {
            step(this);
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException or NotSupportedException)
        {
            _isOver = true; // The transport broke; the connection's reader gets the error.
        }
    }

    private void CheckFlush(ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter awaiter)
    {
        try
        {
            _isOver |= awaiter.GetResult().IsCompleted;
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException or OperationCanceledException)
        {
            _isOver = true; // The transport broke; the connection's reader gets the error.
        }
    }
}
