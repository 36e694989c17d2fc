using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Edge.Connections;

/// <summary>A listening socket.</summary>
/// <param name="socket">Bound and listening; owned from here on.</param>
/// <param name="endPoint">What was asked for; kept where the socket has no address to tell.</param>
/// <param name="readAhead">Bytes that each connection reads ahead of the HTTP layer.</param>
/// <param name="logger">For what goes wrong before there is a connection.</param>
internal sealed partial class SocketListener(Socket socket, EndPoint endPoint, int readAhead, ILogger logger) : IConnectionListener
{
    public EndPoint EndPoint { get; } = socket.LocalEndPoint ?? endPoint;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Socket? accepted = null;
            try
            {
                accepted = await socket.AcceptAsync(cancellationToken);
                if (accepted.ProtocolType == ProtocolType.Tcp)
                {
                    accepted.NoDelay = true;
                }

                return new SocketConnection(accepted, readAhead);
            }
            catch (Exception error) when (error is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
            {
                // The listener was closed: there are no more connections.
                accepted?.Dispose();
                return null;
            }
            catch (SocketException error)
            {
                // One connection was reset before it was accepted; the next one is another matter.
                LogNotAccepted(logger, error.SocketErrorCode);
                accepted?.Dispose();
            }
        }
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => DisposeAsync();

    public ValueTask DisposeAsync()
    {
        socket.Dispose();
        return ValueTask.CompletedTask;
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "A connection was not accepted: {Error}.")]
    private static partial void LogNotAccepted(ILogger logger, SocketError error);
}
