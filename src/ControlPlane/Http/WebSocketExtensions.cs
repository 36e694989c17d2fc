using System.Net.WebSockets;

namespace ControlPlane.Http;

/// <summary>The end of a client's WebSocket that two loops serve.</summary>
internal static class WebSocketExtensions
{
    /// <summary>Sends the close frame if the WebSocket can still send. Aborts it after any failure: the connection is lost then.</summary>
    public static async Task CloseOrAbortAsync(this WebSocket socket, WebSocketCloseStatus status, string reason)
    {
        try
        {
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                await socket.CloseOutputAsync(status, reason, CancellationToken.None);
            }
        }
        catch (Exception)
        {
            // After any failure no close frame can be sent.
            socket.Abort();
        }
    }

    /// <summary>Reads and discards messages until the client's close. Aborts the WebSocket after any failure.</summary>
    public static async Task DiscardAsync(this WebSocket socket)
    {
        try
        {
            var buffer = new byte[1024];
            while (socket.State is WebSocketState.Open or WebSocketState.CloseSent)
            {
                await socket.ReceiveAsync(buffer, CancellationToken.None);
            }
        }
        catch (Exception)
        {
            // After any failure the socket cannot be read again.
            socket.Abort();
        }
    }

    /// <summary>Whether an exception of a loop means that the client is lost or the server stops, and is no error of the server.</summary>
    /// <param name="socket">The WebSocket.</param>
    /// <param name="exception">The exception.</param>
    /// <param name="stop">Cancelled when the loops have to end.</param>
    public static bool IsLostBy(this WebSocket socket, Exception exception, CancellationToken stop) =>
        exception is WebSocketException
        || socket.State is WebSocketState.Aborted or WebSocketState.Closed
        || stop.IsCancellationRequested;
}
