using System.Security.Cryptography;
using System.Text;
using ControlPlane.Storage;

namespace ControlPlane.Tests;

/// <summary>
/// The database of a test. SQLite in the test's own directory; where <see cref="Server"/> is set, as by <c>suites/Postgres</c>, a schema of
/// PostgreSQL for each directory.
/// </summary>
internal static class TestDatabase
{
    /// <summary>The connection string of a PostgreSQL server for tests alone; null: SQLite.</summary>
    public static string? Server { get; set; }

    public static DatabaseEngine EngineFor(ControlPlaneOptions options)
    {
        if (Server is null)
        {
            return DatabaseEngine.For(options);
        }

        var schema = "t" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(options.DataDirectory)))[..20];
        using var server = new PostgresEngine(Server);
        using (var connection = server.Rent())
        {
            // Hosts of one directory may start at once.
            connection.Execute("SELECT pg_advisory_lock(1)");
            connection.Execute($"CREATE SCHEMA IF NOT EXISTS {schema}");
            connection.Execute("SELECT pg_advisory_unlock(1)");
        }

        return new PostgresEngine($"{Server};Search Path={schema}");
    }
}
