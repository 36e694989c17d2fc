using Microsoft.Extensions.Logging;

namespace LocalAgent.Terminals;

/// <summary>
/// One terminal: a shell, its pseudo-terminal, its scrollback and its attachments. One thread reads the output and writes it to the
/// sockets of the attachments. It reads while the fastest attachment keeps up, or no client is attached. A slower attachment loses
/// the output that the scrollback drops, and delays no other.
/// </summary>
internal sealed partial class TerminalSession
{
    private const int ReadBytes = 16 * 1024;

    // The thread also sends to the sockets, which may run the just-in-time compiler on its stack.
    private const int StackBytes = 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly Pty _pty;
    private readonly TerminalProcess _process;
    private readonly OutputShare.Meter _meter;
    private readonly TerminalOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Action<TerminalSession> _onOver;
    private readonly Scrollback _scrollback;
    private readonly ITimer _detached;
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // The array is replaced, never changed: the thread reads it without the lock.
    private TerminalAttachment[] _attachments = [];
    private TaskCompletionSource? _inputRoom;
    private bool _isReadPaused;
    private bool _isEnding;
    private bool _isOver;

    private TerminalSession(
        Pty pty,
        TerminalProcess process,
        OutputShare share,
        TerminalOptions options,
        TimeProvider time,
        ILogger logger,
        Action<TerminalSession> onOver)
    {
        (_pty, _process, _meter, _options, _time, _logger, _onOver) = (pty, process, share.NewMeter(), options, time, logger, onOver);
        _scrollback = new Scrollback(options.ScrollbackBytes);
        _detached = time.CreateTimer(
            static session => ((TerminalSession)session!).EndIfDetached(), this, options.DetachedTimeout, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The id of this shell, unique among all agents.</summary>
    public Guid Shell { get; } = Guid.NewGuid();

    /// <summary>Whether the terminal is ending or has ended: no client can attach.</summary>
    public bool IsOver
    {
        get
        {
            lock (_lock)
            {
                return _isOver || _isEnding;
            }
        }
    }

    /// <summary>Completes when the shell has ended and all resources are released.</summary>
    public Task Over => _over.Task;

    /// <summary>Starts a shell, or a command in it, on a new pseudo-terminal. <see cref="Begin"/> follows.</summary>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <param name="command">Empty for the login shell.</param>
    /// <param name="shell">The user's shell.</param>
    /// <param name="share">The rate limit of the output.</param>
    /// <param name="options">The limits of the terminal.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For errors on the terminal's thread.</param>
    /// <param name="onOver">Called once, when no client can attach any more.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">The system cannot open another terminal or start a process.</exception>
    public static TerminalSession Start(
        ushort height,
        ushort width,
        string command,
        UserShell shell,
        OutputShare share,
        TerminalOptions options,
        TimeProvider time,
        ILogger logger,
        Action<TerminalSession> onOver)
    {
        var pty = Pty.Open(height, width);
        TerminalProcess process;
        try
        {
            process = TerminalProcess.Start(pty.SlavePath, shell, command);
        }
        catch
        {
            pty.Dispose();
            throw;
        }

        return new TerminalSession(pty, process, share, options, time, logger, onOver);
    }

    /// <summary>Begins to read the output. The first client is attached before, or a short command could end without a client.</summary>
    public void Begin()
    {
        _ = WatchProcessAsync();
        new Thread(Run, StackBytes) { IsBackground = true, Name = "terminal" }.Start();
    }

    /// <summary>
    /// Attaches a client, which begins with the scrollback; null when the terminal has ended or has its limit of attachments.
    /// </summary>
    public TerminalAttachment? Attach(ushort height, ushort width)
    {
        lock (_lock)
        {
            if (_isOver || _isEnding || _attachments.Length >= _options.MaxAttachments)
            {
                return null;
            }

            var attachment = new TerminalAttachment(this, _scrollback.FirstBoundary());
            _attachments = [.. _attachments, attachment];
            _detached.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _pty.Resize(height, width);
            return attachment;
        }
    }

    /// <summary>Ends the terminal with a hang-up (SIGHUP).</summary>
    public void End()
    {
        lock (_lock)
        {
            _isEnding = true;
            if (!_isOver)
            {
                _pty.Wake();
            }
        }
    }

    internal void Detach(TerminalAttachment attachment)
    {
        lock (_lock)
        {
            var others = Array.FindAll(_attachments, other => other != attachment);
            var isDetached = others.Length < _attachments.Length;
            _attachments = others;
            if (isDetached && !_isOver)
            {
                if (_attachments.Length == 0)
                {
                    _detached.Change(_options.DetachedTimeout, Timeout.InfiniteTimeSpan);
                }

                // The thread may be waiting for this attachment.
                _pty.Wake();
            }
        }
    }

    /// <summary>Copies output for an attachment. Returns the number of bytes, 0 at the end, null when there is no output yet.</summary>
    internal int? Take(TerminalAttachment attachment, Span<byte> destination)
    {
        lock (_lock)
        {
            var count = attachment.CopyFrom(_scrollback, destination);
            if (count > 0 && _isReadPaused && !_isOver)
            {
                _isReadPaused = false;
                _pty.Wake();
            }

            return count > 0 ? count : _isOver ? 0 : null;
        }
    }

    internal async Task WriteAsync(ReadOnlyMemory<byte> input, CancellationToken cancellation)
    {
        while (!input.IsEmpty)
        {
            Task room;
            lock (_lock)
            {
                var count = _isOver ? -1 : _pty.Write(input.Span);
                if (count < 0)
                {
                    return;
                }

                input = input[count..];
                if (count > 0)
                {
                    continue;
                }

                _inputRoom ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                room = _inputRoom.Task;
                _pty.Wake();
            }

            await room.WaitAsync(cancellation);
        }
    }

    internal void Resize(ushort height, ushort width)
    {
        lock (_lock)
        {
            if (!_isOver && height > 0 && width > 0)
            {
                _pty.Resize(height, width);
            }
        }
    }

    /// <summary>The body of the terminal's thread.</summary>
    private void Run()
    {
        try
        {
            var buffer = new byte[ReadBytes];
            while (Turn(buffer))
            {
            }
        }
        catch (Exception exception)
        {
            // The clients see the end of this terminal. The other terminals of the process continue.
            ThreadFailed(_logger, exception);
        }

        TerminalAttachment[] attached;
        lock (_lock)
        {
            _isOver = true;
            _inputRoom?.TrySetResult();
            attached = _attachments;
        }

        // The close of the master side sends SIGHUP to the processes that still use the terminal.
        _pty.Dispose();
        _meter.Dispose();
        _detached.Dispose();
        _onOver(this);
        _ = EndProcessAsync();
        Array.ForEach(attached, static attachment => attachment.Wake());
    }

    /// <summary>Waits for output, or for space in the input buffer, and handles it. Returns false when the terminal has ended.</summary>
    private bool Turn(byte[] buffer)
    {
        bool hasRoom, wantsInput;
        lock (_lock)
        {
            if (_isEnding)
            {
                return false;
            }

            hasRoom = HasRoom();
            _isReadPaused = !hasRoom;
            wantsInput = _inputRoom is not null;
        }

        var exited = _process.Ended.IsCompleted;
        var delay = hasRoom ? _meter.Delay() : 0;
        var reads = hasRoom && delay == 0;
        var (canRead, canWrite) = _pty.Wait(reads, wantsInput, reads && exited ? 0 : delay > 0 ? delay : Timeout.Infinite);
        if (canWrite)
        {
            lock (_lock)
            {
                _inputRoom?.TrySetResult();
                _inputRoom = null;
            }
        }

        // The kernel reports a hang-up when the shell ends. If another process keeps the terminal open, all output of the shell was read.
        return canRead ? ReadSome(buffer) : !(reads && exited);
    }

    private bool ReadSome(byte[] buffer)
    {
        var count = 0;
        int read;
        do
        {
            // A read returns 4 KiB at most. Several reads wake the attachments once.
            read = _pty.Read(buffer.AsSpan(count));
            count += Math.Max(read, 0);
        }
        while (read > 0 && count < buffer.Length);

        _meter.Took(count);
        TerminalAttachment[] attached;
        lock (_lock)
        {
            _scrollback.Append(buffer.AsSpan(0, count));
            attached = _attachments;
        }

        Array.ForEach(attached, static attachment => attachment.Wake());
        return read >= 0;
    }

    /// <summary>Whether the scrollback can take one more read without loss of output that the fastest attachment must still send.</summary>
    private bool HasRoom()
    {
        var furthest = _attachments.Length == 0 ? _scrollback.End : _attachments.Max(static attachment => attachment.Place);
        return _scrollback.End - furthest <= _scrollback.Size - ReadBytes;
    }

    private void EndIfDetached()
    {
        lock (_lock)
        {
            if (_attachments.Length == 0)
            {
                End();
            }
        }
    }

    private async Task WatchProcessAsync()
    {
        // The thread checks the process after any result, also after an error.
        await _process.Ended.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_lock)
        {
            if (!_isOver)
            {
                _pty.Wake();
            }
        }
    }

    private async Task EndProcessAsync()
    {
        try
        {
            await _process.EndAsync(_options.HangUpGrace, _time);
        }
        catch (Exception exception)
        {
            EndFailed(_logger, exception);
        }

        _over.SetResult();
    }

    [LoggerMessage(EventId = 4002, Level = LogLevel.Error, Message = "Unhandled exception in a terminal; the terminal is closed")]
    private static partial void ThreadFailed(ILogger logger, Exception exception);

    [LoggerMessage(EventId = 4003, Level = LogLevel.Error, Message = "The shell of a terminal could not be ended")]
    private static partial void EndFailed(ILogger logger, Exception exception);
}
