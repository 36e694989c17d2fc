using System.IO.Pipelines;

namespace Relay.Streams.Resumption;

/// <summary>The API server that a terminal is with: it is left, or another one takes over.</summary>
internal sealed class CurrentBackend
{
    private readonly Lock _gate = new();
    private readonly StreamTransport _first;
    private volatile StreamTransport _server;
    private bool _isRelayed;
    private volatile bool _isLeft;
    private volatile bool _isStopped;
    private bool _isDisposed;

    /// <summary>Begins with a server.</summary>
    /// <param name="first">The first one; disposed by its owner.</param>
    public CurrentBackend(StreamTransport first) => (_first, _server) = (first, first);

    /// <summary>Its bytes.</summary>
    public PipeReader Input => _server.Input;

    /// <summary>Whether it was left: what it has sent counts, and nothing more comes.</summary>
    public bool IsLeft => _isLeft;

    /// <summary>Whether the terminal was aborted: there is to be no other server.</summary>
    public bool IsStopped => _isStopped;

    /// <summary>Whether it has ended its bytes, also behind those that the client has not taken yet.</summary>
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

    /// <summary>From now on the servers' bytes go on where they arrive.</summary>
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

    /// <summary>Aborts it. Whoever reads from it or writes to it finds out.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            if (!_isDisposed)
            {
                Abort();
            }
        }
    }

    /// <summary>Leaves it if it has vanished.</summary>
    /// <param name="now">A time that only grows.</param>
    public void LeaveIfVanished(TimeSpan now)
    {
        lock (_gate)
        {
            if (!_isDisposed && _server.HasVanished(now))
            {
                Abort();
            }
        }
    }

    /// <summary>Leaves it for good. False when that, or the end, was before.</summary>
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

    /// <summary>Another one is there; nobody reads or writes the one before any more.</summary>
    public async ValueTask TakeOverAsync(StreamTransport server)
    {
        StreamTransport old;
        lock (_gate)
        {
            (old, _server, _isLeft) = (_server, server, false);
            if (_isRelayed)
            {
                server.BeginRelay();
            }

            if (_isStopped)
            {
                Abort();
            }
        }

        await LetGoAsync(old).ConfigureAwait(false);
    }

    /// <summary>Nobody reads or writes it any more.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _isDisposed = true;
        }

        return LetGoAsync(_server);
    }

    // The mark first: a cancelled read is otherwise only a hint.
    private void Abort()
    {
        _isLeft = true;
        _server.Abort();
        _server.Input.CancelPendingRead();
        _server.Output.CancelPendingFlush();
    }

    private ValueTask LetGoAsync(StreamTransport server) => server == _first ? ValueTask.CompletedTask : server.DisposeAsync();
}
