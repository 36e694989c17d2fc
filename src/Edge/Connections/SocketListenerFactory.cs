using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace Edge.Connections;

/// <summary>Listens for the public listeners, in place of the server's own sockets: what <see cref="SocketConnection"/> is for.</summary>
internal sealed class SocketListenerFactory(IOptions<KestrelServerOptions> kestrel, ILogger<SocketListener> logger) : IConnectionListenerFactory
{
    // Waiting for accept, as in the server's own transport.
    private const int Backlog = 512;

    private const long LeastReadAhead = 64 << 10;
    private const long MostReadAhead = 1 << 20;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        // Bound for addresses (both families for "any"), Unix sockets and inherited handles alike.
        var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        try
        {
            socket.Listen(Backlog);
            var readAhead = kestrel.Value.Limits.MaxRequestBufferSize ?? MostReadAhead;
            return ValueTask.FromResult<IConnectionListener>(
                new SocketListener(socket, endpoint, (int)Math.Clamp(readAhead, LeastReadAhead, MostReadAhead), logger));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
