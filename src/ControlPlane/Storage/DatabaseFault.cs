namespace ControlPlane.Storage;

/// <summary>The reason why a database serves no requests, or not all of them.</summary>
internal enum DatabaseFault
{
    /// <summary>The database serves requests.</summary>
    None,

    /// <summary>No connection can be opened.</summary>
    Unreachable,

    /// <summary>The probe timed out.</summary>
    NoAnswer,

    /// <summary>The database refuses writes: <c>default_transaction_read_only</c>, a standby, a read-only file system.</summary>
    ReadOnly,

    /// <summary>The database's disk or quota is full.</summary>
    DiskFull,

    /// <summary>The SQLite file was deleted or moved while it was open. Further writes would be lost.</summary>
    FileGone,

    /// <summary>The schema's version is not this program's.</summary>
    SchemaMismatch,

    /// <summary>The database fails in another way: I/O errors, corruption, no memory, no permission.</summary>
    Failing,
}

/// <summary>Describes faults. The texts are public, so that they name neither host nor path.</summary>
internal static class DatabaseFaultExtensions
{
    /// <summary>A clause without a final period, or null for <see cref="DatabaseFault.None"/>.</summary>
    public static string? Describe(this DatabaseFault fault) => fault switch
    {
        DatabaseFault.None => null,
        DatabaseFault.Unreachable => "the database cannot be reached",
        DatabaseFault.NoAnswer => "the database does not answer in time",
        DatabaseFault.ReadOnly => "the database is read-only",
        DatabaseFault.DiskFull => "the disk of the database is full",
        DatabaseFault.FileGone => "the database file was deleted or moved",
        DatabaseFault.SchemaMismatch => "the schema of the database is not the one of this program",
        _ => "the database fails",
    };
}
