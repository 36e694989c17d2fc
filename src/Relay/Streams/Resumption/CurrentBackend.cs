using System.IO.Pipelines;

namespace Relay.Streams.Resumption;

/// <summary>
/// The API server that a terminal is attached to. The terminal abandons a server that fails, and another one replaces it.
/// </summary>
internal sealed class CurrentBackend
{
    private readonly Lock _gate = new();
    private readonly StreamTransport _first;
    private volatile StreamTransport _server;
    private bool _isRelayed;
    private volatile bool _isAbandoned;
    private volatile bool _isStopped;
    private bool _isDisposed;

    /// <summary>Begins with the first server.</summary>
    /// <param name="first">The first server's connection; its owner disposes it.</param>
    public CurrentBackend(StreamTransport first) => (_first, _server) = (first, first);

    /// <summary>The current server's bytes.</summary>
    public PipeReader Input => _server.Input;

    /// <summary>Whether the server was abandoned: the bytes that it has sent are still used, and no more are expected.</summary>
    public bool IsAbandoned => _isAbandoned;

    /// <summary>Whether the terminal was aborted: no other server replaces this one.</summary>
    public bool IsStopped => _isStopped;

    /// <summary>Whether the server has ended its bytes, also while the client has not read the bytes before the end.</summary>
    public bool HasEnded
    {
        get
        {
            lock (_gate)
            {
                return _isDisposed || _server.HasEnded;
            }
        }
    }

    /// <summary>Tells this server and all later ones that the relay is their only user.</summary>
    public void BeginRelay()
    {
        lock (_gate)
        {
            _isRelayed = true;
            if (!_isDisposed)
            {
                _server.BeginRelay();
            }
        }
    }

    /// <summary>Aborts the server's connection. Its pending read and flush end.</summary>
    public void Abandon()
    {
        lock (_gate)
        {
            if (!_isDisposed)
            {
                Abort();
            }
        }
    }

    /// <summary>Abandons the server if it has vanished.</summary>
    /// <param name="now">A monotonic time.</param>
    public void AbandonIfVanished(TimeSpan now)
    {
        lock (_gate)
        {
            if (!_isDisposed && _server.HasVanished(now))
            {
                Abort();
            }
        }
    }

    /// <summary>Aborts the terminal: no other server follows. Returns false if the terminal was aborted or disposed before.</summary>
    public bool Stop()
    {
        lock (_gate)
        {
            if (_isStopped || _isDisposed)
            {
                return false;
            }

            _isStopped = true;
            Abort();
            return true;
        }
    }

    /// <summary>Replaces the server. The caller has ended all reads and writes of the previous one.</summary>
    public async ValueTask ReplaceAsync(StreamTransport server)
    {
        StreamTransport old;
        lock (_gate)
        {
            (old, _server, _isAbandoned) = (_server, server, false);
            if (_isRelayed)
            {
                server.BeginRelay();
            }

            if (_isStopped)
            {
                Abort();
            }
        }

        await ReleaseAsync(old).ConfigureAwait(false);
    }

    /// <summary>Disposes the current server. The caller has ended all reads and writes.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _isDisposed = true;
        }

        return ReleaseAsync(_server);
    }

    // The flag is set first: without it a cancelled read only wakes the reader.
    private void Abort()
    {
        _isAbandoned = true;
        _server.Abort();
        _server.Input.CancelPendingRead();
        _server.Output.CancelPendingFlush();
    }

    private ValueTask ReleaseAsync(StreamTransport server) => server == _first ? ValueTask.CompletedTask : server.DisposeAsync();
}
