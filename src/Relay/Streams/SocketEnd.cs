using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Relay.Streams;

/// <summary>
/// Checks by poll(2) with POLLRDHUP whether a socket's peer has ended its bytes, also behind bytes that are not read yet. The runtime's own
/// poll reports readable bytes, which hide the end, and errors, which an ordinary close does not cause.
/// </summary>
public static partial class SocketEnd
{
    // poll.h; the values are the same on every processor that .NET supports on Linux.
    private const short Error = 0x8;
    private const short HungUp = 0x10;
    private const short PeerEnded = 0x2000;

    /// <summary>
    /// Whether the peer has ended its bytes (FIN, or the close of a Unix socket) or the connection is broken. One system call, which reads
    /// nothing from the socket. Systems other than Linux report only a broken connection. Never throws.
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
            var file = new PollFile { File = (int)handle.DangerousGetHandle(), Events = PeerEnded };
            return Poll(ref file, 1, 0) > 0 && (file.ReturnedEvents & (Error | HungUp | PeerEnded)) != 0;
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
        public short Events;
        public short ReturnedEvents;
    }
}
