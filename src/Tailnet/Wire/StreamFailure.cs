using System.Net.Sockets;
using System.Net.WebSockets;

namespace Tailnet.Wire;

/// <summary>Distinguishes the exceptions of a lost, closed or cancelled byte stream from those of a bug in this program.</summary>
internal static class StreamFailure
{
    // The next use of a pipe or WebSocket that was completed or aborted meanwhile throws InvalidOperationException.
    public static bool Is(Exception error) => error is IOException or SocketException or WebSocketException or ObjectDisposedException
        or OperationCanceledException or InvalidOperationException;
}
