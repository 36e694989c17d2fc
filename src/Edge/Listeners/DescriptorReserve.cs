using System.Net.Sockets;

namespace Edge.Listeners;

/// <summary>
/// The last file descriptors of the process, which are not for connections. The runtime needs one for each thread that it
/// starts and two for each assembly that it loads, and ends the process when it gets none. The database needs some too.
/// A new descriptor has the lowest free number (POSIX, open(3p)), so the number of a new socket is a lower bound of the
/// descriptors in use.
/// </summary>
internal static class DescriptorReserve
{
    /// <summary>Descriptors that the public listeners leave free.</summary>
    public const int Public = 64;

    /// <summary>
    /// Descriptors that connections to API servers leave free: fewer, so that probes still work while the public listeners
    /// wait.
    /// </summary>
    public const int Backends = 40;

    /// <summary>
    /// Descriptors that the process's own listeners leave free (admin, embedded API server): they answer while the public
    /// listeners wait.
    /// </summary>
    public const int Own = 32;

    private static readonly long Limit = DescriptorLimit.Read() ?? long.MaxValue;

    /// <summary>Whether a new socket has one of the last <paramref name="reserve"/> descriptors.</summary>
    public static bool Includes(Socket socket, int reserve) => IsIn(socket.Handle, Limit, reserve);

    /// <summary>Whether the next socket would have one of the last <paramref name="reserve"/> descriptors.</summary>
    public static bool IncludesNext(int reserve)
    {
        try
        {
            using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            return Includes(probe, reserve);
        }
        catch (SocketException)
        {
            // The process has no descriptor left.
            return true;
        }
    }

    internal static bool IsIn(long descriptor, long limit, int reserve) => descriptor >= limit - reserve;
}
