using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace Edge.Listeners;

/// <summary>
/// Creates <see cref="SocketListener"/>s in place of Kestrel's own listeners, whose connections cannot be detached and which
/// call accept again at once when descriptors run out.
/// </summary>
/// <param name="kestrel">The server's limits.</param>
/// <param name="reserve">Descriptors that the listeners leave free (<see cref="DescriptorReserve"/>).</param>
/// <param name="errors">Counts and logs the pauses of listeners.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Reports connections that failed before they were accepted.</param>
internal sealed class SocketListenerFactory(
    IOptions<KestrelServerOptions> kestrel, int reserve, AcceptErrors errors, TimeProvider time, ILogger<SocketListener> logger)
    : IConnectionListenerFactory
{
    // The accept queue (listen(2)) is as long as Kestrel's.
    private const int Backlog = 512;

    private const long LeastReadAhead = 64 << 10;
    private const long MostReadAhead = 1 << 20;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var socket = Bind(endpoint);
        try
        {
            var readAhead = (int)Math.Clamp(kestrel.Value.Limits.MaxRequestBufferSize ?? MostReadAhead, LeastReadAhead, MostReadAhead);
            return ValueTask.FromResult<IConnectionListener>(
                new SocketListener(socket, endpoint, readAhead, reserve, errors, time, logger));
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
            // Kestrel's method covers IP addresses (both families for "any"), Unix sockets and inherited handles.
            socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
            socket.Listen(Backlog);
            return socket;
        }
        catch (SocketException error)
        {
            socket?.Dispose();

            // Kestrel's error names the URL only for AddressInUseException. After another error on "localhost" it tries the other
            // address family.
            throw error.SocketErrorCode is SocketError.AddressAlreadyInUse
                ? new AddressInUseException(error.Message, error)
                : new SocketException(error.ErrorCode, $"The listener cannot bind {endpoint}: {error.Message}");
        }
    }
}
