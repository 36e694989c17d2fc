using System.Runtime.InteropServices;
using SQLitePCL;

namespace ControlPlane.Storage;

/// <summary>Checks whether an open database is still the file at its path.</summary>
internal static unsafe partial class SqliteFile
{
    private const int HasMovedOperation = 20; // SQLITE_FCNTL_HAS_MOVED

    /// <summary>
    /// Whether the file was deleted, moved or replaced since it was opened (sqlite.org/c3ref/c_fcntl_begin_atomic_write.html). SQLite in
    /// WAL mode continues to read and write the open file without an error. The data is lost when the last connection closes.
    /// </summary>
    public static bool HasMoved(sqlite3 database)
    {
        var moved = 0;
        return FileControl(database.DangerousGetHandle(), "main", HasMovedOperation, &moved) == raw.SQLITE_OK && moved != 0;
    }

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_file_control", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int FileControl(nint database, string name, int operation, void* result);
}
