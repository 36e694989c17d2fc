using System.Net.Sockets;

namespace Relay.Streams;

/// <summary>Distinguishes the exceptions of a broken or aborted transport from those of a bug in this program.</summary>
internal static class TransportFailure
{
    public static bool Is(Exception error) =>
        error is IOException or SocketException or ObjectDisposedException or OperationCanceledException or InvalidOperationException;
}
