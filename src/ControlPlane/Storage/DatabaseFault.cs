namespace ControlPlane.Storage;

/// <summary>Why a database serves no requests, or not all of them.</summary>
internal enum DatabaseFault
{
    /// <summary>Requests are served.</summary>
    None,

    /// <summary>No connection can be opened.</summary>
    Unreachable,

    /// <summary>A probe got no answer in time.</summary>
    NoAnswer,

    /// <summary>It takes no writes: <c>default_transaction_read_only</c>, a standby, a read-only file system.</summary>
    ReadOnly,

    /// <summary>Its disk, or its quota, is full.</summary>
    DiskFull,

    /// <summary>The file was deleted or moved while it was open: what is written to it is lost.</summary>
    FileGone,

    /// <summary>Its schema is not the one of this program.</summary>
    OtherSchema,

    /// <summary>It fails in another way: I/O errors, corruption, no memory, no permission.</summary>
    Failing,
}

/// <summary>The words for <see cref="DatabaseFault"/>; they name neither host nor path, so that anybody may read them.</summary>
internal static class DatabaseFaultExtensions
{
    /// <summary>One clause, or null for <see cref="DatabaseFault.None"/>.</summary>
    public static string? Describe(this DatabaseFault fault) => fault switch
    {
        DatabaseFault.None => null,
        DatabaseFault.Unreachable => "the database cannot be reached",
        DatabaseFault.NoAnswer => "the database does not answer in time",
        DatabaseFault.ReadOnly => "the database is read-only",
        DatabaseFault.DiskFull => "the disk of the database is full",
        DatabaseFault.FileGone => "the database file was deleted or moved",
        DatabaseFault.OtherSchema => "the schema of the database is not the one of this program",
        _ => "the database fails",
    };
}
