using System.Runtime.InteropServices;

namespace Sockets;

/// <summary>Linux's epoll, as far as waiting once at a time for what can be read goes.</summary>
internal static partial class Epoll
{
    private const string Library = "libc";
    private const int CloseOnExec = 0x80000;
    private const int Add = 1;
    private const int Modify = 3;
    private const uint CanRead = 0x1; // EPOLLIN; that it has ended or broken is always told
    private const uint Once = 1u << 30;

    // struct epoll_event: 32 bits of events, 64 of data; packed on x86-64 alone.
    private static int Data => RuntimeInformation.ProcessArchitecture is Architecture.X64 ? 4 : 8;

    public static bool TryCreate(out int epoll) => (epoll = Create(CloseOnExec)) >= 0;

    /// <summary>Has one <see cref="Wait(int)"/> tell of the file: when there is something to read, or the end, or an error.</summary>
    public static bool TryArm(int epoll, int file, bool isFirst)
    {
        Span<byte> entry = stackalloc byte[16];
        BitConverter.TryWriteBytes(entry, CanRead | Once);
        BitConverter.TryWriteBytes(entry[Data..], (long)file);
        return Control(epoll, isFirst ? Add : Modify, file, entry) == 0;
    }

    /// <summary>A file that was armed and has something; below 0 for none.</summary>
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
