using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Relay.Streams;

/// <summary>
/// Whether a socket's peer has ended its bytes, without reading those before the end: poll(2) with POLLRDHUP. The runtime's own poll tells
/// of bytes, which hide the end, and of errors, which a peer that just closes does not cause.
/// </summary>
public static partial class SocketEnd
{
    // poll.h, on every processor that Linux and .NET share.
    private const short Error = 0x8;
    private const short HungUp = 0x10;
    private const short PeerEnded = 0x2000;

    /// <summary>
    /// Whether the peer has ended its bytes (FIN, the close of a Unix socket), or the connection is broken. One system call, which takes
    /// nothing from the socket. On other systems than Linux only a broken connection is seen. Never throws.
    /// </summary>
    /// <param name="socket">A socket that was connected.</param>
    public static bool HasCome(Socket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (!OperatingSystem.IsLinux())
        {
            return SocketTransport.HasFailed(socket);
        }

        var handle = socket.SafeHandle;
        var isHeld = false;
        try
        {
            handle.DangerousAddRef(ref isHeld);
            var file = new PollFile { File = (int)handle.DangerousGetHandle(), Wanted = PeerEnded };
            return Poll(ref file, 1, 0) > 0 && (file.Seen & (Error | HungUp | PeerEnded)) != 0;
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
        finally
        {
            if (isHeld)
            {
                handle.DangerousRelease();
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(ref PollFile files, nuint count, int milliseconds);

    // struct pollfd.
    private struct PollFile
    {
        public int File;
        public short Wanted;
        public short Seen;
    }
}
