using System.Runtime.InteropServices;

namespace Sockets;

/// <summary>Linux's epoll (epoll(7)), for one-shot waits until a file is readable.</summary>
internal static partial class Epoll
{
    private const string Library = "libc";
    private const int CloseOnExec = 0x80000;
    private const int Add = 1;
    private const int Modify = 3;
    private const uint CanRead = 0x1; // EPOLLIN; errors and hang-ups are always reported
    private const uint Once = 1u << 30; // EPOLLONESHOT

    // struct epoll_event: 32 bits of events, 64 bits of data; packed on x86-64 only.
    private static int Data => RuntimeInformation.ProcessArchitecture is Architecture.X64 ? 4 : 8;

    public static bool TryCreate(out int epoll) => (epoll = Create(CloseOnExec)) >= 0;

    /// <summary>Makes one <see cref="Wait(int)"/> return the file once it has bytes, its end or an error.</summary>
    public static bool TryArm(int epoll, int file, bool isFirst)
    {
        Span<byte> entry = stackalloc byte[16];
        BitConverter.TryWriteBytes(entry, CanRead | Once);
        BitConverter.TryWriteBytes(entry[Data..], (long)file);
        return Control(epoll, isFirst ? Add : Modify, file, entry) == 0;
    }

    /// <summary>Waits for an armed file that is ready and returns its number; below 0 for none.</summary>
    public static int Wait(int epoll)
    {
        Span<byte> entry = stackalloc byte[16];
        return Wait(epoll, entry, 1, -1) == 1 ? (int)BitConverter.ToInt64(entry[Data..]) : -1;
    }

    [LibraryImport(Library, EntryPoint = "epoll_create1")]
    private static partial int Create(int flags);

    [LibraryImport(Library, EntryPoint = "epoll_ctl")]
    private static partial int Control(int epoll, int operation, int file, ReadOnlySpan<byte> entry);

    [LibraryImport(Library, EntryPoint = "epoll_wait")]
    private static partial int Wait(int epoll, Span<byte> entries, int count, int milliseconds);
}
