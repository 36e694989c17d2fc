using Relay.Streams;

namespace Edge.Connections;

/// <summary>
/// The connections that streams have taken from the HTTP layer: keeps their places, closes them when their streams end, and knows when
/// none is left.
/// </summary>
internal sealed partial class DetachedConnections(ILogger logger)
{
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

    /// <summary>Completes when all have ended; resets those that are left when the token says so.</summary>
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

        await using var abort = deadline.UnsafeRegister(static self => ((DetachedConnections)self!).AbortAll(), this);
        await empty;
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
            await transport.DisposeAsync();
            over();
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
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A stream failed for a reason that is no connection's")]
    private static partial void LogFault(ILogger logger, Exception error);
}
