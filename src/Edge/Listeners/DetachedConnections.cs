using Relay.Streams;

namespace Edge.Listeners;

/// <summary>
/// The connections that streams have taken from the HTTP layer. Each connection is closed, and removed from the connection
/// limits, when its stream ends.
/// </summary>
internal sealed partial class DetachedConnections(ILogger logger, TimeProvider time)
{
    // The time for streams to end after their connections were reset.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly HashSet<SocketTransport> _open = [];
    private TaskCompletionSource? _empty;

    /// <summary>Number of open streams.</summary>
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

    /// <summary>Starts a stream on a detached connection.</summary>
    /// <param name="transport">The connection; closed when the stream ends.</param>
    /// <param name="session">The stream.</param>
    /// <param name="onClosed">Called after the connection was closed.</param>
    public void Start(SocketTransport transport, Func<SocketTransport, Task> session, Action onClosed)
    {
        lock (_lock)
        {
            _open.Add(transport);
        }

        // The request's execution context would keep the request's objects alive as long as the stream.
        ThreadPool.UnsafeQueueUserWorkItem(
            static state => _ = state.Self.RunAsync(state.transport, state.session, state.onClosed),
            (Self: this, transport, session, onClosed),
            preferLocal: false);
    }

    /// <summary>
    /// Waits until all streams have ended. At the deadline it resets the connections of the others, and then waits one more
    /// second at most.
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

    /// <summary>Resets the connections of all streams.</summary>
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

    private async Task RunAsync(SocketTransport transport, Func<SocketTransport, Task> session, Action onClosed)
    {
        try
        {
            // The continuation must not run on the thread that ended the session: it may be a socket thread, which serves other streams.
            await session(transport).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        }
        catch (Exception error)
        {
            LogFault(logger, error);
        }
        finally
        {
            await CloseAsync(transport);
            onClosed();
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
            // A failed close must keep neither the connection's place nor the other streams.
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
        Message = "{Count} streams had not ended when the drain time was over; their connections were reset")]
    private static partial void LogLeft(ILogger logger, int count);

    [LoggerMessage(EventId = 1029, Level = LogLevel.Error, Message = "Unhandled exception in a stream session")]
    private static partial void LogFault(ILogger logger, Exception error);
}
