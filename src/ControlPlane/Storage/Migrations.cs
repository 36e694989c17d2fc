using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>
/// Brings the schema up to date with an engine's <see cref="DatabaseEngine.SchemaSteps"/>, forward only. One transaction runs a step and
/// stores the new version.
/// </summary>
internal static class Migrations
{
    /// <summary>
    /// The version before the first step. Builds before the first release counted from 1, so that a lower version identifies their
    /// databases.
    /// </summary>
    public const long BaseVersion = 100;

    /// <summary>The version of a database with all of the engine's steps.</summary>
    public static long VersionFor(DatabaseEngine engine) => BaseVersion + engine.SchemaSteps.Count;

    /// <summary>
    /// Applies the missing steps. A lock serialises processes that start together, and each step reads the version again.
    /// </summary>
    /// <exception cref="ControlPlaneException">
    /// The database is newer than <paramref name="steps"/>, or was written by a build before the first release.
    /// </exception>
    public static Task ApplyAsync(DatabaseEngine engine, DbConnection connection, IReadOnlyList<string> steps) => engine.RunExclusiveAsync(
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
                $"The database {engine.Name} has schema version {version}, of a build before the first release, "
                + "which cannot be brought up to date: start with an empty database.");
        }

        if (version > last)
        {
            throw new ControlPlaneException(
                $"The database {engine.Name} has schema version {version}, but this program knows only up to {last}: "
                + "run the newer program that wrote it.");
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
