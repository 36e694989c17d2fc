using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Edge.Listeners;

/// <summary>
/// Connection middleware between TLS and HTTP. When a stream has detached the connection and the HTTP layer has ended, this
/// middleware keeps the TLS layer open until the stream ends. It holds none of the HTTP layer's objects meanwhile.
/// </summary>
internal sealed class TlsHandoverMiddleware(EdgeConnections connections, ConnectionDelegate http)
{
    public async Task OnConnectionAsync(ConnectionContext connection)
    {
        if (connection is not SocketConnection socket)
        {
            await http(connection);
            return;
        }

        socket.KeepsTls = true;
        var heartbeat = connection.Features.Get<IConnectionHeartbeatFeature>();
        var handlers = new HeartbeatHandlers();
        if (heartbeat is not null)
        {
            heartbeat.OnHeartbeat(static handlers => ((HeartbeatHandlers)handlers).Beat(), handlers);
            connection.Features.Set<IConnectionHeartbeatFeature>(handlers);
        }

        try
        {
            await http(connection);
        }
        finally
        {
            // Also when the HTTP layer has failed: only the stream would close a detached connection.
            handlers.Stop();
            if (socket.IsDetached)
            {
                await RunDetachedAsync(socket);
            }
        }
    }

    private async Task RunDetachedAsync(SocketConnection socket)
    {
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            var (transport, session) = socket.TakeDetached();
            connections.Detached.Start(transport, session, closed.SetResult);
        }
        catch
        {
            socket.Socket.Dispose();
            throw;
        }

        await closed.Task;
    }

    /// <summary>
    /// The HTTP layer's heartbeat handlers. Kestrel has no way to remove a handler, and a handler would keep all HTTP objects of
    /// the connection alive as long as the connection.
    /// </summary>
    private sealed class HeartbeatHandlers : IConnectionHeartbeatFeature
    {
        private readonly Lock _lock = new();
        private List<(Action<object> Action, object State)>? _handlers = [];

        public void OnHeartbeat(Action<object> action, object state)
        {
            lock (_lock)
            {
                _handlers?.Add((action, state));
            }
        }

        public void Beat()
        {
            (Action<object> Action, object State)[] handlers;
            lock (_lock)
            {
                handlers = _handlers?.ToArray() ?? [];
            }

            foreach (var (action, state) in handlers)
            {
                action(state);
            }
        }

        public void Stop()
        {
            lock (_lock)
            {
                _handlers = null;
            }
        }
    }
}
