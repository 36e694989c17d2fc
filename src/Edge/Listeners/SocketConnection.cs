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
/// An accepted connection. The HTTP layer reads and writes the socket without a copy through a pipe, and a stream may detach
/// the socket from it. Under the HTTP layer, reads run on the threads for requests (<see cref="RequestThreads"/>), and the
/// connection notices the peer's end without a pending read.
/// </summary>
internal sealed class SocketConnection : ConnectionContext, IConnectionIdFeature, IConnectionItemsFeature, IConnectionTransportFeature,
    IConnectionLifetimeFeature, IMemoryPoolFeature, IConnectionSocketFeature, IConnectionEndPointFeature, IConnectionDetachFeature,
    IStreamThreadFeature
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

    /// <param name="socket">The accepted socket, which the connection owns from now on.</param>
    /// <param name="readAhead">Bytes that the connection reads without a pending read, to notice the end of the stream after them.</param>
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

    /// <summary>The pipe for the layer above. TLS sets its own pipe, which then is detachable as well.</summary>
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

    /// <summary>Whether a stream has detached the socket.</summary>
    public bool IsDetached => Volatile.Read(ref _session) is not null;

    /// <summary>
    /// Whether TLS stays until the stream has ended, which is what lets a stream take a TLS connection. Otherwise the TLS
    /// session ends with the HTTP layer. <see cref="TlsHandoverMiddleware"/> sets it.
    /// </summary>
    public bool KeepsTls { get; set; }

    /// <summary>The socket and the stream for it. May be called once, after the HTTP layer has ended.</summary>
    public (SocketTransport Transport, Func<SocketTransport, Task> Session) TakeDetached()
    {
        if (_tlsPipe is not { Input: var above } pipe)
        {
            return (new SocketTransport(_socket, _input, _output), _session!);
        }

        // Bytes that TLS read together with the request's head.
        byte[] first = [];
        if (above.TryRead(out var read))
        {
            first = read.Buffer.ToArray();
            above.AdvanceTo(read.Buffer.End);
        }

        // This frees the buffers of both. The SslStream stays open.
        above.Complete();
        pipe.Output.Complete();
        var tls = Features.GetRequiredFeature<ISslStreamFeature>().SslStream;
        return (new SocketTransport(_socket, _input, _output, tls, first), _session!);
    }

    public void TakeOver() => _input.StopWatching();

    public bool TryDetach(Func<SocketTransport, Task> session)
    {
        lock (_gate)
        {
            // The layer between the socket and HTTP may be other than TLS, such as Kestrel's connection logging.
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

    /// <summary>Resets the connection: a linger time of 0 discards queued data. Has no effect on a detached socket.</summary>
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

    /// <summary>Sends the written bytes and closes the socket. A detached socket stays open.</summary>
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
            // The peer has reset the connection. Only this side is left to close.
            _socket.Dispose();
        }

        _socket.Dispose();
    }

    // The callbacks belong to the HTTP layer and may be slow, so they do not run on the caller's thread.
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
                // DisposeAsync has run meanwhile, and has cancelled the token itself.
                return;
            }
        },
        this,
        preferLocal: false);
}
