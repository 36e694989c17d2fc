using System.Security.Cryptography;
using System.Text;
using ControlPlane.Storage;
using Npgsql;

namespace ControlPlane.Tests;

/// <summary>
/// The database of a test. SQLite in the test's own directory; where <see cref="Server"/> is set, as by <c>suites/Postgres</c>, a schema of
/// PostgreSQL for each directory.
/// </summary>
internal static class TestDatabase
{
    // Advisory locks are those of a database: with a few of them, tests at the same time seldom wait for each other.
    private const int Databases = 4;

    private static readonly Lock Making = new();
    private static readonly HashSet<string> Made = [];

    /// <summary>The connection string of a PostgreSQL server for tests alone; null: SQLite.</summary>
    public static string? Server { get; set; }

    public static DatabaseEngine EngineFor(ControlPlaneOptions options)
    {
        if (Server is null || options.Database is not null)
        {
            return DatabaseEngine.For(options);
        }

        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(options.DataDirectory));
        var schema = "t" + Convert.ToHexStringLower(hash)[..20];
        var database = FormattableString.Invariant($"tests{hash[^1] % Databases}");

        // Hosts of one directory may start at once.
        lock (Making)
        {
            if (Made.Add(database))
            {
                Execute(Server, $"CREATE DATABASE {database}");
            }

            if (Made.Add(schema))
            {
                Execute($"{Server};Database={database}", $"CREATE SCHEMA {schema}");
            }
        }

        return new PostgresEngine($"{Server};Database={database};Search Path={schema}");
    }

    /// <summary>Runs a statement on a connection of its own.</summary>
    public static void Execute(string server, string statement)
    {
        using var connection = new NpgsqlConnection($"{server};Pooling=false;Server Compatibility Mode=NoTypeLoading");
        connection.Open();
        connection.Execute(statement);
    }
}
