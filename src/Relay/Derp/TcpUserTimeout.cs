using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Relay.Derp;

/// <summary>
/// The time limit on unacknowledged bytes, TCP_USER_TIMEOUT (RFC 5482). Linux counts a closed receive window too; that is harmless here,
/// because the shorter write timeout closes a DERP client that does not read.
/// </summary>
internal static class TcpUserTimeout
{
    // linux/tcp.h; .NET has no name for it.
    internal const int Level = 6;
    internal const int Option = 18;

    /// <summary>Sets the limit. Does nothing to sockets that are not TCP or are closed, and on systems other than Linux.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="timeout">The limit; zero for none.</param>
    public static void Apply(Socket socket, TimeSpan timeout)
    {
        if (timeout <= TimeSpan.Zero || socket.ProtocolType is not ProtocolType.Tcp || !OperatingSystem.IsLinux())
        {
            return;
        }

        var milliseconds = (int)Math.Min(timeout.TotalMilliseconds, int.MaxValue);
        try
        {
            socket.SetRawSocketOption(Level, Option, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in milliseconds)));
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            return; // The connection is broken already; its reader gets the error.
        }
    }
}
