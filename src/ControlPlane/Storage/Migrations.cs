using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace ControlPlane.Storage;

/// <summary>
/// The schema's steps, forward only. Step n takes a database at version n-1 to n, and the version is stored with it in the same
/// transaction (<c>user_version</c>). A released step never changes; a new one is added at the end.
/// </summary>
internal static class Migrations
{
    public static IReadOnlyList<string> All { get; } =
        [FirstSchema.Sql, CoordinationSchema.Sql, AgentRpcSchema.Sql, ReportingSchema.Sql, IdentitySchema.Sql, LaterRpcSchema.Sql];

    public static long VersionOf(DbConnection connection) => connection.Count("PRAGMA user_version");

    /// <summary>Applies what is missing. Processes that start together take turns: each step looks again once it holds the write lock.</summary>
    /// <exception cref="ControlPlaneException">The database is newer than <paramref name="steps"/>.</exception>
    public static void Apply(SqliteConnection connection, IReadOnlyList<string> steps)
    {
        while (true)
        {
            using var transaction = connection.BeginTransaction(deferred: false);
            var version = VersionOf(connection);
            if (version > steps.Count)
            {
                throw new ControlPlaneException(
                    $"The database {connection.DataSource} has schema version {version}, but this program knows only up to {steps.Count}: run the newer program that wrote it.");
            }

            if (version == steps.Count)
            {
                return;
            }

            connection.Execute(steps[(int)version]);

            // A pragma takes no parameters; this is our own number.
            connection.Execute(FormattableString.Invariant($"PRAGMA user_version = {version + 1}"));
            transaction.Commit();
        }
    }
}
