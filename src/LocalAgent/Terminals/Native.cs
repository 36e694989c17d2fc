using System.Runtime.InteropServices;

namespace LocalAgent.Terminals;

/// <summary>
/// The functions of Linux's C library for pseudo-terminals, which .NET does not offer. Sections 2 and 3 of the manual describe them.
/// </summary>
internal static partial class Native
{
    public const int ReadWrite = 0x2;
    public const int NoControllingTerminal = 0x100;
    public const int NonBlocking = 0x800;
    public const int CloseOnExec = 0x80000;

    public const short PollIn = 0x1;
    public const short PollOut = 0x4;

    public const int Interrupted = 4;
    public const int TryAgain = 11;

    public const int CharacterTypes = 1; // LC_CTYPE_MASK

    public const int HangUp = 1;
    public const int Kill = 9;
    public const int Continue = 18;

    private const string Library = "libc";

    [LibraryImport(Library, EntryPoint = "posix_openpt", SetLastError = true)]
    public static partial int OpenMaster(int flags);

    [LibraryImport(Library, EntryPoint = "grantpt", SetLastError = true)]
    public static partial int Grant(SafeHandle master);

    [LibraryImport(Library, EntryPoint = "unlockpt", SetLastError = true)]
    public static partial int Unlock(SafeHandle master);

    [LibraryImport(Library, EntryPoint = "ptsname_r", SetLastError = true)]
    public static partial int SlaveName(SafeHandle master, Span<byte> name, nuint length);

    [LibraryImport(Library, EntryPoint = "ioctl", SetLastError = true)]
    public static partial int SetWindowSize(SafeHandle master, nuint request, in WindowSize size);

    [LibraryImport(Library, EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(SafeHandle file, Span<byte> buffer, nuint length);

    [LibraryImport(Library, EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(SafeHandle file, ReadOnlySpan<byte> buffer, nuint length);

    [LibraryImport(Library, EntryPoint = "eventfd", SetLastError = true)]
    public static partial int NewEvent(uint value, int flags);

    [LibraryImport(Library, EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(Span<PollEntry> entries, nuint count, int milliseconds);

    [LibraryImport(Library, EntryPoint = "kill", SetLastError = true)]
    public static partial int Signal(int processOrGroup, int signal);

    [LibraryImport(Library, EntryPoint = "newlocale", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial nint NewLocale(int categories, string name, nint source);

    [LibraryImport(Library, EntryPoint = "freelocale")]
    public static partial void FreeLocale(nint locale);

    /// <summary><c>struct winsize</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public readonly struct WindowSize(ushort rows, ushort columns)
    {
        public const nuint Set = 0x5414; // TIOCSWINSZ

        public readonly ushort Rows = rows;
        public readonly ushort Columns = columns;
        public readonly ushort PixelWidth;
        public readonly ushort PixelHeight;
    }

    /// <summary><c>struct pollfd</c>; poll ignores an entry with a negative file.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PollEntry
    {
        public int File;
        public short Events;
        public short Happened;
    }
}
