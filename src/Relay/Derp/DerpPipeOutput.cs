using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Relay.Derp;

/// <summary>
/// Output over a <see cref="PipeWriter"/>: plain, TLS and any other transport that has one. Takes everything until a flush does
/// not end at once, and then nothing until it has.
/// </summary>
public class DerpPipeOutput : IDerpOutput
{
    // What may lie in the pipe without having been flushed. Packets in there can no longer be dropped.
    private const int FlushAt = 64 * 1024;

    private readonly PipeWriter _writer;
    private readonly Action _flushed;
    private ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter _pending;
    private Action? _writable;
    private volatile bool _isPending;
    private volatile bool _isOver;
    private int _unflushed;

    // How it ends: asked to, the last bytes written, the writer completed.
    private readonly Lock _ending = new();
    private bool _mustEnd;
    private bool _isLast;
    private int _isCompleted;
    private TaskCompletionSource? _ended;

    /// <summary>Creates an output.</summary>
    /// <param name="writer">Where bytes go; it is completed with the output. It may hold unflushed bytes, which go first.</param>
    public DerpPipeOutput(PipeWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        _writer = writer;
        _flushed = Flushed;
    }

    /// <inheritdoc/>
    public bool IsWritable => !_isPending;

    /// <inheritdoc/>
    public void OnWritable(Action callback) => _writable = callback;

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

        // After the end bytes are taken and forgotten: the reader's side finds the end and closes.
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
            _isOver = true; // The transport broke; whoever reads from it learns why.
            return;
        }

        var awaiter = flush.ConfigureAwait(false).GetAwaiter();
        if (awaiter.IsCompleted)
        {
            Take(awaiter);
            return;
        }

        _pending = awaiter;
        _isPending = true;
        awaiter.UnsafeOnCompleted(_flushed);
    }

    /// <inheritdoc/>
    public void Complete()
    {
        lock (_ending)
        {
            _mustEnd = true;
            if (_isPending)
            {
                // Not every writer takes anything while a flush is under way, its end least of all.
                _ended ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                return;
            }
        }

        End();
    }

    /// <summary>Ends when the writer has been completed, which after <see cref="Complete"/> waits for the flush that is under way.</summary>
    internal Task Ended => _ended?.Task ?? Task.CompletedTask;

    /// <summary>Puts bytes into the writer; a transport with framing of its own adds it here.</summary>
    /// <param name="writer">The writer.</param>
    /// <param name="bytes">The bytes.</param>
    protected virtual void Write(IBufferWriter<byte> writer, ReadOnlySpan<byte> bytes) => writer.Write(bytes);

    /// <summary>Called before the last flush.</summary>
    protected virtual void BeforeComplete()
    {
    }

    /// <summary>Puts bytes of the transport's own into the writer, if it takes any now.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <returns>Whether they were taken.</returns>
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

    private void Flushed()
    {
        var awaiter = _pending;
        _pending = default;
        Take(awaiter);
        bool mustEnd;
        lock (_ending)
        {
            _isPending = false;
            mustEnd = _mustEnd;
        }

        if (mustEnd)
        {
            End();
        }
        else
        {
            _writable?.Invoke();
        }
    }

    // Again after a flush of the last bytes that took its time.
    private void End()
    {
        if (!_isLast && !_isOver)
        {
            _isLast = true;
            _ended ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Guarded(static output =>
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
            Guarded(static output => output._writer.Complete());
            _ended?.TrySetResult();
        }
    }

    // The host may have completed the writer meanwhile, and some writers send what is left in them when they are completed.
    private void Guarded(Action<DerpPipeOutput> step)
    {
        try
        {
            step(this);
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException or NotSupportedException)
        {
            _isOver = true; // The transport broke; whoever reads from it learns why.
        }
    }

    private void Take(ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter awaiter)
    {
        try
        {
            _isOver |= awaiter.GetResult().IsCompleted;
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException or OperationCanceledException)
        {
            _isOver = true; // The transport broke; whoever reads from it learns why.
        }
    }
}
