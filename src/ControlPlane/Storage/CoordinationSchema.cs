namespace ControlPlane.Storage;

/// <summary>Schema version 2: what coordination keeps. Released: never edited again.</summary>
internal static class CoordinationSchema
{
    public const string Sql = """
        CREATE TABLE resume_token_keys (
            sequence   INTEGER PRIMARY KEY,
            secret     BLOB NOT NULL,
            created_at INTEGER NOT NULL
        ) STRICT;
        """;
}
