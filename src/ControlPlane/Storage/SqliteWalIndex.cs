using System.Runtime.InteropServices;
using SQLitePCL;

namespace ControlPlane.Storage;

/// <summary>
/// The header of a database's WAL-index: 48 bytes of memory that all connections to the file share, in whatever process, and that each commit makes others.
/// To compare them costs nothing, where the cheapest statement takes locks on the file.
/// </summary>
/// <remarks>
/// sqlite.org/walformat.html §2.2, and <c>xShmMap</c> of sqlite.org/c3ref/io_methods.html. A connection sees a commit by these bytes and nothing else, so who finds
/// them as they were knows that none came between.
/// </remarks>
internal sealed unsafe partial class SqliteWalIndex
{
    public const int HeaderLength = 48;

    private const int FilePointer = 7; // SQLITE_FCNTL_FILE_POINTER
    private const int MapSharedMemory = 13; // of sqlite3_io_methods, each as wide as a pointer: its version, then twelve of version 1
    private const int RegionLength = 32 * 1024;
    private const uint Version = 3007000; // the header's first field, from which all follows that is known of it here

    private readonly void* _header;

    private SqliteWalIndex(void* header) => _header = header;

    private ReadOnlySpan<byte> Header => new(_header, HeaderLength);

    /// <param name="database">
    /// It must have read the file, and outlive what is returned: the memory is its own mapping. To open the side file once more would do away with SQLite's locks
    /// on it, as POSIX has it.
    /// </param>
    /// <returns>Null when the file is not in WAL mode, or SQLite's WAL-index is not the one known here.</returns>
    public static SqliteWalIndex? Of(sqlite3 database)
    {
        void*** file = null;
        void* region = null;
        return FileControl(database.DangerousGetHandle(), "main", FilePointer, &file) == raw.SQLITE_OK
            && file is not null && *file is not null && *(int*)*file >= 2
            && ((delegate* unmanaged<void*, int, int, int, void**, int>)(*file)[MapSharedMemory])(file, 0, RegionLength, 0, &region) == raw.SQLITE_OK
            && region is not null && *(uint*)region == Version
            ? new SqliteWalIndex(region)
            : null;
    }

    /// <summary>Whether there was no commit since the header was <paramref name="before"/>.</summary>
    public bool Is(ReadOnlySpan<byte> before) => Header.SequenceEqual(before);

    /// <summary>The header now. While a commit is being written it may be neither the old nor the new one, and is then none that will be found again.</summary>
    public void CopyTo(Span<byte> header)
    {
        Header.CopyTo(header);
        Interlocked.MemoryBarrier(); // what is read of the file after this is no older
    }

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_file_control", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int FileControl(nint database, string name, int operation, void* result);
}
