namespace ControlPlane.Storage;

/// <summary>What the later rpcs of <c>me/rpc</c> keep: resource monitors and context. Released: never edited again.</summary>
internal static class LaterRpcSchema
{
    public const string Sql = """
        -- What of an agent is watched: its memory (path is empty) or a volume. The threshold is in percent.
        CREATE TABLE agent_resource_monitors (
            agent_id   TEXT NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
            path       TEXT NOT NULL,
            enabled    INTEGER NOT NULL,
            threshold  INTEGER NOT NULL,
            is_over    INTEGER NOT NULL DEFAULT 0,
            changed_at INTEGER,
            PRIMARY KEY (agent_id, path)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE agent_context_states (
            agent_id       TEXT PRIMARY KEY REFERENCES workspace_agents (id) ON DELETE CASCADE,
            version        INTEGER NOT NULL,
            aggregate_hash BLOB NOT NULL,
            snapshot_error TEXT NOT NULL,
            pushed_at      INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """;
}
