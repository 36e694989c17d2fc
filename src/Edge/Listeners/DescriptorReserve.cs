using System.Net.Sockets;

namespace Edge.Listeners;

/// <summary>
/// The last file descriptors of the process, which sockets do not get: the runtime needs one for each thread that it starts and two for each
/// assembly that it loads, and ends the process where it gets none; the database needs some too. A new descriptor has the lowest free number
/// (POSIX, open(3p)), so that a socket's number says how many are in use at least.
/// </summary>
internal static class DescriptorReserve
{
    /// <summary>Left by the public listeners.</summary>
    public const int Public = 64;

    /// <summary>Left by connections to API servers: fewer, so that probes still find them while the public listeners wait.</summary>
    public const int Backends = 40;

    /// <summary>Left by the admin listener and the embedded API server's socket, which answer while the public listeners wait.</summary>
    public const int Own = 32;

    private static readonly long Limit = DescriptorLimit.Read() ?? long.MaxValue;

    /// <summary>Whether a socket that was just opened is one of the last <paramref name="reserve"/> descriptors.</summary>
    public static bool Includes(Socket socket, int reserve) => IsIn(socket.Handle, Limit, reserve);

    /// <summary>Whether the next socket would be.</summary>
    public static bool IncludesNext(int reserve)
    {
        try
        {
            using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            return Includes(probe, reserve);
        }
        catch (SocketException)
        {
            // There is none left at all.
            return true;
        }
    }

    internal static bool IsIn(long descriptor, long limit, int reserve) => descriptor >= limit - reserve;
}
