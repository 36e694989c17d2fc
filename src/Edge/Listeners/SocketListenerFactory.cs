using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace Edge.Listeners;

/// <summary>
/// Listens in place of the server's own sockets, which know no <see cref="SocketConnection"/> and call accept again at once when there are
/// no descriptors.
/// </summary>
/// <param name="kestrel">The server's limits.</param>
/// <param name="reserve">Descriptors that its listeners leave for the process (<see cref="DescriptorReserve"/>).</param>
/// <param name="errors">Told when a listener waits.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For connections that were not accepted.</param>
internal sealed class SocketListenerFactory(
    IOptions<KestrelServerOptions> kestrel, int reserve, AcceptErrors errors, TimeProvider time, ILogger<SocketListener> logger)
    : IConnectionListenerFactory
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
            var readAhead = (int)Math.Clamp(kestrel.Value.Limits.MaxRequestBufferSize ?? MostReadAhead, LeastReadAhead, MostReadAhead);
            return ValueTask.FromResult<IConnectionListener>(new SocketListener(socket, endpoint, readAhead, reserve, errors, time, logger));
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
