using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>
/// The schema's steps, forward only, the same for each kind of database but for what one of them needs alone. Step n takes a database at version
/// n-1 to n, and the version is stored with it in the same transaction. A released step never changes; a new one is added at the end, in
/// SQLite's words as far as <see cref="PostgresEngine.Translate"/> knows them.
/// </summary>
internal static class Migrations
{
    public static IReadOnlyList<string> All { get; } =
    [
        FirstSchema.Sql,
        CoordinationSchema.Sql,
        AgentRpcSchema.Sql,
        ReportingSchema.Sql,
        IdentitySchema.Sql,
        LaterRpcSchema.Sql,
        AgentTokenSchema.Sql,
    ];

    /// <summary>Applies what is missing. Processes that start together take turns: each step looks again once it holds the lock.</summary>
    /// <exception cref="ControlPlaneException">The database is newer than <paramref name="steps"/>.</exception>
    public static Task ApplyAsync(DatabaseEngine engine, DbConnection connection, IReadOnlyList<string> steps) => engine.AloneAsync(
        connection,
        () =>
        {
            while (ApplyNext(engine, connection, steps))
            {
            }

            return Task.FromResult(true);
        });

    private static bool ApplyNext(DatabaseEngine engine, DbConnection connection, IReadOnlyList<string> steps)
    {
        using var transaction = engine.BeginWrite(connection);
        var version = engine.VersionOf(connection);
        if (version > steps.Count)
        {
            throw new ControlPlaneException(
                $"The database {engine.Name} has schema version {version}, but this program knows only up to {steps.Count}: run the newer program that wrote it.");
        }

        if (version == steps.Count)
        {
            return false;
        }

        connection.Execute(engine.Translate(steps[(int)version]));
        engine.SetVersion(connection, version + 1);
        transaction.Commit();
        return true;
    }
}
