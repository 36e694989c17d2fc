using System.Net;
using System.Net.Sockets;
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
        var socket = Bind(endpoint);
        try
        {
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
    private static Socket Bind(EndPoint endpoint)
    {
        Socket? socket = null;
        try
        {
            // Bound for addresses (both families for "any"), Unix sockets and inherited handles alike.
            socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
            socket.Listen(Backlog);
            return socket;
        }
        catch (SocketException error)
        {
            socket?.Dispose();

            // The server names the URL for the first kind alone; for "localhost" it goes on with the other address family after the second.
            throw error.SocketErrorCode is SocketError.AddressAlreadyInUse
                ? new AddressInUseException(error.Message, error)
                : new SocketException(error.ErrorCode, $"{endpoint} cannot be listened on: {error.Message}");
        }
    }
}
