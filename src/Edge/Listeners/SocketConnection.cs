using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using ControlPlane.Connections;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Relay.Streams;
using Sockets;

namespace Edge.Listeners;

/// <summary>
/// An accepted connection: the HTTP layer reads and writes right on the socket, and a stream may take the socket away from under it.
/// While the HTTP layer has it reads go on on the threads of requests, and the peer's end is noticed although nobody reads.
/// </summary>
internal sealed class SocketConnection : ConnectionContext, IConnectionIdFeature, IConnectionItemsFeature, IConnectionTransportFeature,
    IConnectionLifetimeFeature, IMemoryPoolFeature, IConnectionSocketFeature, IConnectionEndPointFeature, IConnectionDetachFeature, IStreamThreadFeature
{
    private readonly Socket _socket;
    private readonly SocketPipeReader _input;
    private readonly SocketPipeWriter _output;
    private readonly DetachablePipe _pipe;
    private IDuplexPipe? _tlsPipe;
    private DetachablePipe? _upperPipe;
    private readonly CancellationTokenSource _closed = new();
    private readonly Lock _gate = new();
    private Func<SocketTransport, Task>? _session;
    private bool _isAborted;
    private bool _isDisposed;

    /// <param name="socket">Just accepted; owned from here on.</param>
    /// <param name="readAhead">Bytes that are read although nobody asks for them, so that the peer's end behind them is noticed.</param>
    public SocketConnection(Socket socket, int readAhead)
    {
        _socket = socket;
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
        _input = new SocketPipeReader(socket, Failure, readAhead, FireClosed, RequestThreads.Shared);
        _output = new SocketPipeWriter(socket, error => Abort(new ConnectionAbortedException("The client is gone.", error)));
        _pipe = new DetachablePipe(_input, _output);
        ConnectionClosed = _closed.Token;
        Features.Set<IConnectionIdFeature>(this);
        Features.Set<IConnectionItemsFeature>(this);
        Features.Set<IConnectionTransportFeature>(this);
        Features.Set<IConnectionLifetimeFeature>(this);
        Features.Set<IMemoryPoolFeature>(this);
        Features.Set<IConnectionSocketFeature>(this);
        Features.Set<IConnectionEndPointFeature>(this);
        Features.Set<IConnectionDetachFeature>(this);
        Features.Set<IStreamThreadFeature>(this);
    }

    public override string ConnectionId { get; set; } = ConnectionIds.Next();

    public override IFeatureCollection Features { get; } = new FeatureCollection();

    public override IDictionary<object, object?> Items
    {
        get => field ??= new ConnectionItems();
        set;
    }

    /// <summary>What the layer above reads and writes. TLS puts its own in place of the socket's, which then is detachable too.</summary>
    public override IDuplexPipe Transport
    {
        get => _upperPipe ?? _pipe;
        set
        {
            if (!ReferenceEquals(value, _pipe) && !ReferenceEquals(value, _upperPipe))
            {
                (_tlsPipe, _upperPipe) = (value, new DetachablePipe(value.Input, value.Output));
            }
            else if (ReferenceEquals(value, _pipe))
            {
                (_tlsPipe, _upperPipe) = (null, null);
            }
        }
    }

    public override CancellationToken ConnectionClosed { get; set; }

    public override EndPoint? LocalEndPoint { get; set; }

    public override EndPoint? RemoteEndPoint { get; set; }

    public MemoryPool<byte> MemoryPool => BlockMemoryPool.Shared;

    public Socket Socket => _socket;

    /// <summary>Whether a stream has taken the socket.</summary>
    public bool IsDetached => Volatile.Read(ref _session) is not null;

    /// <summary>
    /// Set between TLS and HTTP: TLS stays until the stream has ended, so that a stream may take this connection too. Without it a TLS session
    /// ends with the HTTP layer.
    /// </summary>
    public bool KeepsTls { get; set; }

    /// <summary>The socket without the HTTP layer, and what is to run on it; once, after that layer has ended.</summary>
    public (SocketTransport Transport, Func<SocketTransport, Task> Session) TakeDetached()
    {
        if (_tlsPipe is not { Input: var above } pipe)
        {
            return (new SocketTransport(_socket, _input, _output), _session!);
        }

        // What was read together with the request's head.
        byte[] first = [];
        if (above.TryRead(out var read))
        {
            first = read.Buffer.ToArray();
            above.AdvanceTo(read.Buffer.End);
        }

        // Their buffers; both leave the TLS stream open.
        above.Complete();
        pipe.Output.Complete();
        return (new SocketTransport(_socket, _input, _output, Features.GetRequiredFeature<ISslStreamFeature>().SslStream, first), _session!);
    }

    public void TakeOver() => _input.StopWatching();

    public bool TryDetach(Func<SocketTransport, Task> session)
    {
        lock (_gate)
        {
            // What stands between the socket and HTTP may be something else than TLS, such as a log of the connection.
            if (_isAborted || (_tlsPipe is not null && (!KeepsTls || Features.Get<ISslStreamFeature>() is null)))
            {
                return false;
            }

            Volatile.Write(ref _session, session);
        }

        _input.StopWatching();
        _input.LeaveThreads();
        _output.OnBroken(static _ => { });
        (_upperPipe ?? _pipe).Detach();
        return true;
    }

    void IStreamThreadFeature.Begin()
    {
        _input.StopWatching();
        _input.BeginStream();
    }

    void IStreamThreadFeature.End() => _input.EndStream();

    public override void Abort() => Abort(new ConnectionAbortedException("The connection was aborted."));

    /// <summary>Resets the connection: a linger time of 0 drops what is queued. Does nothing once a stream has taken it.</summary>
    public override void Abort(ConnectionAbortedException abortReason)
    {
        lock (_gate)
        {
            if (_isAborted || _isDisposed || IsDetached)
            {
                return;
            }

            _isAborted = true;
        }

        _socket.Close(timeout: 0);
        _input.Closed();
        FireClosed();
    }

    /// <summary>Sends what was written, and closes the socket; leaves it alone when a stream has taken it.</summary>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (IsDetached)
        {
            return;
        }

        await _input.CompleteAsync();
        await _output.FinishAsync();
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
        }

        if (!_isAborted)
        {
            Close();
            _input.Closed();
        }

        _input.Dispose();
        _output.Dispose();
        await _closed.CancelAsync();
        _closed.Dispose();
    }

    private static Exception Failure(SocketError error) => error is SocketError.ConnectionReset
        ? new ConnectionResetException("The client reset the connection.", new SocketException((int)error))
        : new ConnectionAbortedException("The connection is broken.", new SocketException((int)error));

    private void Close()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The peer was quicker; all that is left is to close this side.
            _socket.Dispose();
        }

        _socket.Dispose();
    }

    // What is registered there belongs to the HTTP layer, and may take its time.
    private void FireClosed() => ThreadPool.UnsafeQueueUserWorkItem(
        static connection =>
        {
            lock (connection._gate)
            {
                if (connection._isDisposed || connection.IsDetached)
                {
                    return;
                }
            }

            try
            {
                connection._closed.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // Disposed since: then it was cancelled there.
                return;
            }
        },
        this,
        preferLocal: false);
}
