using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Edge.Listeners;

/// <summary>
/// Stands between TLS and HTTP: when a stream has taken the connection and the HTTP layer has ended, the TLS layer still waits here, so
/// that its session lives on for the stream. What it keeps of the HTTP layer until then is nothing.
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
        var heart = connection.Features.Get<IConnectionHeartbeatFeature>();
        var beats = new Heartbeats();
        if (heart is not null)
        {
            heart.OnHeartbeat(static beats => ((Heartbeats)beats).Beat(), beats);
            connection.Features.Set<IConnectionHeartbeatFeature>(beats);
        }

        try
        {
            await http(connection);
        }
        finally
        {
            // Also when HTTP failed: a stream that has the connection by then is the only one that would close it.
            beats.Stop();
            if (socket.IsDetached)
            {
                await CarryOnAsync(socket);
            }
        }
    }

    private async Task CarryOnAsync(SocketConnection socket)
    {
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            var (transport, session) = socket.TakeDetached();
            connections.Detached.Start(transport, session, over.SetResult);
        }
        catch
        {
            socket.Socket.Dispose();
            throw;
        }

        await over.Task;
    }

    /// <summary>
    /// What the HTTP layer wants to do now and then. The server would hold on to it, and so to all of a connection's HTTP objects, for as
    /// long as the connection lives.
    /// </summary>
    private sealed class Heartbeats : IConnectionHeartbeatFeature
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
