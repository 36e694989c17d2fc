using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ControlPlane.Storage;

/// <summary>
/// A transaction that writes one page, the schema's version as it stands: what keeps it from that keeps every other write too.
/// </summary>
internal static class SqliteProbe
{
    /// <param name="engine">Whose schema it is.</param>
    /// <param name="session">Without a transaction. It is not to be used again when this throws.</param>
    /// <param name="busyTimeout">What the session waits for others otherwise.</param>
    /// <exception cref="SqliteException">The file cannot be read or written.</exception>
    public static DatabaseFault Run(SqliteEngine engine, SqliteSession session, TimeSpan busyTimeout)
    {
        var handle = session.Handle!;
        if (SqliteFile.HasMoved(handle))
        {
            return DatabaseFault.FileGone;
        }

        // Who holds the lock is writing: there is no need to wait for it.
        _ = raw.sqlite3_busy_timeout(handle, 0);
        if (raw.sqlite3_exec(handle, "BEGIN IMMEDIATE") is var begun && begun == raw.SQLITE_OK)
        {
            var version = engine.VersionOf(session);
            if (version == Migrations.VersionFor(engine))
            {
                engine.SetVersion(session, version);
                Execute(handle, "COMMIT");
            }
            else
            {
                Execute(handle, "ROLLBACK");
            }

            _ = raw.sqlite3_busy_timeout(handle, (int)busyTimeout.TotalMilliseconds);
            return version == Migrations.VersionFor(engine) ? DatabaseFault.None : DatabaseFault.OtherSchema;
        }

        _ = raw.sqlite3_busy_timeout(handle, (int)busyTimeout.TotalMilliseconds);
        return begun == raw.SQLITE_BUSY ? DatabaseFault.None : throw Failure(handle);
    }

    private static void Execute(sqlite3 handle, string sql)
    {
        if (raw.sqlite3_exec(handle, sql) != raw.SQLITE_OK)
        {
            throw Failure(handle);
        }
    }

    private static SqliteException Failure(sqlite3 handle) =>
        new(raw.sqlite3_errmsg(handle).utf8_to_string(), raw.sqlite3_errcode(handle), raw.sqlite3_extended_errcode(handle));
}
