using System.Net.Sockets;

namespace Relay.Streams;

/// <summary>Tells what a broken or aborted transport throws from what would be a fault of the program.</summary>
internal static class TransportFailure
{
    public static bool Is(Exception error) =>
        error is IOException or SocketException or ObjectDisposedException or OperationCanceledException or InvalidOperationException;
}
