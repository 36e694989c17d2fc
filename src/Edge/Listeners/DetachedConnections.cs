using Relay.Streams;

namespace Edge.Listeners;

/// <summary>
/// The connections that streams have taken from the HTTP layer: keeps their places, closes them when their streams end, and knows when
/// none is left.
/// </summary>
internal sealed partial class DetachedConnections(ILogger logger, TimeProvider time)
{
    // What sessions may take to notice that their connections were reset.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly HashSet<SocketTransport> _open = [];
    private TaskCompletionSource? _empty;

    /// <summary>How many there are.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _open.Count;
            }
        }
    }

    /// <summary>Starts a stream on a connection that the HTTP layer has let go.</summary>
    /// <param name="transport">Closed when the stream has ended.</param>
    /// <param name="session">The stream.</param>
    /// <param name="over">Called at the very end.</param>
    public void Start(SocketTransport transport, Func<SocketTransport, Task> session, Action over)
    {
        lock (_lock)
        {
            _open.Add(transport);
        }

        // Without the request's execution context, which would hold on to it for as long as the stream lives.
        ThreadPool.UnsafeQueueUserWorkItem(
            static state => _ = state.Self.RunAsync(state.transport, state.session, state.over),
            (Self: this, transport, session, over),
            preferLocal: false);
    }

    /// <summary>
    /// Completes when all have ended; resets those that are left when the token says so, and waits for none that does not heed it.
    /// </summary>
    public async Task EndAsync(CancellationToken deadline)
    {
        Task empty;
        lock (_lock)
        {
            if (_open.Count == 0)
            {
                return;
            }

            empty = (_empty ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        await empty.WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (empty.IsCompleted)
        {
            return;
        }

        AbortAll();
        await empty.WaitAsync(Grace, time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (Count is > 0 and var left)
        {
            LogLeft(logger, left);
        }
    }

    /// <summary>Resets all of them.</summary>
    public void AbortAll()
    {
        SocketTransport[] open;
        lock (_lock)
        {
            open = [.. _open];
        }

        foreach (var transport in open)
        {
            transport.Abort();
        }
    }

    private async Task RunAsync(SocketTransport transport, Func<SocketTransport, Task> session, Action over)
    {
        try
        {
            // Whatever ends a session may be a socket thread, which has other streams to carry.
            await session(transport).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        }
        catch (Exception error)
        {
            LogFault(logger, error);
        }
        finally
        {
            await CloseAsync(transport);
            over();
            Remove(transport);
        }
    }

    private async Task CloseAsync(SocketTransport transport)
    {
        try
        {
            await transport.DisposeAsync();
        }
        catch (Exception error)
        {
            // Its place and the end of the others do not depend on it.
            LogFault(logger, error);
            transport.Abort();
        }
    }

    private void Remove(SocketTransport transport)
    {
        lock (_lock)
        {
            _open.Remove(transport);
            if (_open.Count == 0)
            {
                _empty?.TrySetResult();
                _empty = null;
            }
        }
    }

    [LoggerMessage(
        EventId = 1028, Level = LogLevel.Warning,
        Message = "{Count} streams had not ended when the time to stop was over; their connections were reset")]
    private static partial void LogLeft(ILogger logger, int count);

    [LoggerMessage(EventId = 1029, Level = LogLevel.Error, Message = "Unhandled exception in a stream session")]
    private static partial void LogFault(ILogger logger, Exception error);
}
