using System.Net.Sockets;
using System.Net.WebSockets;

namespace Tailnet.Wire;

/// <summary>Tells what a byte stream throws that is lost, closed or told to stop from what would be a fault of the program.</summary>
internal static class StreamFailure
{
    // A pipe or a WebSocket that was completed or aborted meanwhile answers its next use with InvalidOperationException.
    public static bool Is(Exception error) => error is IOException or SocketException or WebSocketException or ObjectDisposedException
        or OperationCanceledException or InvalidOperationException;
}
