using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>
/// Brings the schema up to date by an engine's <see cref="DatabaseEngine.SchemaSteps"/>, forward only. Each step is one transaction, with the schema's new version in it.
/// </summary>
internal static class Migrations
{
    /// <summary>The version before the first step. Builds before the first release counted from 1; their databases are told apart by that.</summary>
    public const long BaseVersion = 100;

    /// <summary>The version of a database that has had all of the engine's steps.</summary>
    public static long VersionFor(DatabaseEngine engine) => BaseVersion + engine.SchemaSteps.Count;

    /// <summary>Applies what is missing. Processes that start together take turns: each step looks again once it holds the lock.</summary>
    /// <exception cref="ControlPlaneException">The database is newer than <paramref name="steps"/>, or of a build before the first release.</exception>
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
        var (stored, last) = (engine.VersionOf(connection), BaseVersion + steps.Count);
        var version = stored == 0 ? BaseVersion : stored;
        if (stored is not 0 and <= BaseVersion)
        {
            throw new ControlPlaneException(
                $"The database {engine.Name} has schema version {version}, of a build before the first release, which cannot be brought up to date: "
                + "start with an empty database.");
        }

        if (version > last)
        {
            throw new ControlPlaneException(
                $"The database {engine.Name} has schema version {version}, but this program knows only up to {last}: run the newer program that wrote it.");
        }

        if (version == last)
        {
            return false;
        }

        connection.Execute(steps[(int)(version - BaseVersion)]);
        engine.SetVersion(connection, version + 1);
        transaction.Commit();
        return true;
    }
}
