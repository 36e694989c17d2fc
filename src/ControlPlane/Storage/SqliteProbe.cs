using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace ControlPlane.Storage;

/// <summary>
/// Probes SQLite with a transaction that rewrites the schema's version: a fault that prevents this write of one page prevents every other
/// write.
/// </summary>
internal static class SqliteProbe
{
    /// <param name="engine">The engine with the expected schema version.</param>
    /// <param name="session">A connection without a transaction. The caller must close it when this method throws.</param>
    /// <param name="busyTimeout">The session's busy time-out, which is restored after the probe.</param>
    /// <exception cref="SqliteException">The file cannot be read or written.</exception>
    public static DatabaseFault Run(SqliteEngine engine, SqliteSession session, TimeSpan busyTimeout)
    {
        var handle = session.Handle!;
        if (SqliteFile.HasMoved(handle))
        {
            return DatabaseFault.FileGone;
        }

        // The probe does not wait for the lock: if another writer holds it, writes work.
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
            return version == Migrations.VersionFor(engine) ? DatabaseFault.None : DatabaseFault.SchemaMismatch;
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
