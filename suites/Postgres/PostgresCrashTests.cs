using ControlPlane.Storage;
using EndToEnd;

namespace ControlPlane.Tests;

/// <summary>The API server is killed; PostgreSQL is not.</summary>
public sealed class PostgresCrashTests : CrashCases
{
    private const string Schema = "crash";

    protected override IReadOnlyDictionary<string, string> Database
    {
        get
        {
            using var server = new PostgresEngine(TestDatabase.Server!);
            using var connection = server.Rent();
            connection.Execute($"CREATE SCHEMA IF NOT EXISTS {Schema}");
            return new Dictionary<string, string> { ["ControlPlane__Database"] = $"{TestDatabase.Server};Search Path={Schema}" };
        }
    }
}
