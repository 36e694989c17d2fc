namespace Edge.LocalAgent.Terminals;

/// <summary>
/// One terminal: a shell, its pseudo-terminal, its last output, and whoever is attached. One thread moves the output, up to the attachments'
/// sockets. It reads on while the fastest attachment keeps up, or nobody is attached; slower ones lose what the scrollback drops, and delay nobody.
/// </summary>
internal sealed partial class TerminalSession
{
    private const int ReadBytes = 16 * 1024;

    // Sending is done there too, which may have code to compile.
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

    // Replaced, never changed: the thread goes through it without the lock.
    private TerminalAttachment[] _attachments = [];
    private TaskCompletionSource? _inputRoom;
    private bool _starved;
    private bool _told;
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
        _detached = time.CreateTimer(static session => ((TerminalSession)session!).EndIfDetached(), this, options.DetachedTimeout, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Which shell it is, among all of all agents.</summary>
    public Guid Shell { get; } = Guid.NewGuid();

    /// <summary>Whether nobody can attach any more.</summary>
    public bool IsOver
    {
        get
        {
            lock (_lock)
            {
                return _isOver || _told;
            }
        }
    }

    /// <summary>Completes when the shell has ended and everything is let go.</summary>
    public Task Over => _over.Task;

    /// <summary>Starts a shell, or a command in it, on a new pseudo-terminal. <see cref="Begin"/> follows.</summary>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <param name="command">Empty for the login shell.</param>
    /// <param name="shell">Whose.</param>
    /// <param name="share">Where its output is counted.</param>
    /// <param name="options">Its limits.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Hears of what fails on its thread.</param>
    /// <param name="onOver">Called once nobody can attach any more.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">The system has no room for it.</exception>
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

    /// <summary>Begins to move its output. Not before the first has attached, or a short command could be over by then.</summary>
    public void Begin()
    {
        _ = WatchProcessAsync();
        new Thread(Run, StackBytes) { IsBackground = true, Name = "terminal" }.Start();
    }

    /// <summary>Joins it, from its last output on; null when it is over or has all the attachments that it may have.</summary>
    public TerminalAttachment? Attach(ushort height, ushort width)
    {
        lock (_lock)
        {
            if (_isOver || _told || _attachments.Length >= _options.MaxAttachments)
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

    /// <summary>Ends it, as if somebody had hung up.</summary>
    public void End()
    {
        lock (_lock)
        {
            _told = true;
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

                // It may have been the one that was waited for.
                _pty.Wake();
            }
        }
    }

    /// <summary>What is there for an attachment: its bytes, 0 at the end, null for nothing yet.</summary>
    internal int? Take(TerminalAttachment attachment, Span<byte> destination)
    {
        lock (_lock)
        {
            var count = attachment.CopyFrom(_scrollback, destination);
            if (count > 0 && _starved && !_isOver)
            {
                _starved = false;
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

    /// <summary>The thread.</summary>
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
            // Its clients see the end of the terminal; the other terminals of the process go on.
            ThreadFailed(_logger, exception);
        }

        TerminalAttachment[] attached;
        lock (_lock)
        {
            _isOver = true;
            _inputRoom?.TrySetResult();
            attached = _attachments;
        }

        // Closing it hangs up on those who still use it.
        _pty.Dispose();
        _meter.Dispose();
        _detached.Dispose();
        _onOver(this);
        _ = EndProcessAsync();
        Array.ForEach(attached, static attachment => attachment.Wake());
    }

    /// <summary>Waits for one thing and does it; false when the terminal is over.</summary>
    private bool Turn(byte[] buffer)
    {
        bool hasRoom, wantsInput;
        lock (_lock)
        {
            if (_told)
            {
                return false;
            }

            hasRoom = HasRoom();
            _starved = !hasRoom;
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

        // The kernel hangs up when the shell ends; should it not, everything was read that was written before.
        return canRead ? ReadSome(buffer) : !(reads && exited);
    }

    private bool ReadSome(byte[] buffer)
    {
        var count = 0;
        int read;
        do
        {
            // A read gives 4 KiB at most; together they wake the attachments once.
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

    /// <summary>Whether the attachment that is furthest ahead would lose nothing by one more read.</summary>
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
        // However waiting for it ends: the thread has to look.
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

    [LoggerMessage(EventId = 1036, Level = LogLevel.Error, Message = "Unhandled exception in a terminal; the terminal is closed")]
    private static partial void ThreadFailed(ILogger logger, Exception exception);

    [LoggerMessage(EventId = 1037, Level = LogLevel.Error, Message = "The shell of a terminal could not be ended")]
    private static partial void EndFailed(ILogger logger, Exception exception);
}
