namespace ControlPlane.Storage;

/// <summary>Schema version 3: what agents report over <c>me/rpc</c>. Released: never edited again.</summary>
internal static class AgentRpcSchema
{
    public const string Sql = """
        CREATE TABLE agent_metadata (
            agent_id     TEXT NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
            key          TEXT NOT NULL,
            collected_at INTEGER NOT NULL,
            value        TEXT NOT NULL,
            error        TEXT NOT NULL,
            PRIMARY KEY (agent_id, key)
        ) STRICT, WITHOUT ROWID;

        -- The counters sum up what the reports counted; the others are as last reported.
        CREATE TABLE agent_stats (
            agent_id                     TEXT PRIMARY KEY REFERENCES workspace_agents (id) ON DELETE CASCADE,
            reported_at                  INTEGER NOT NULL,
            reports                      INTEGER NOT NULL,
            rx_packets                   INTEGER NOT NULL,
            rx_bytes                     INTEGER NOT NULL,
            tx_packets                   INTEGER NOT NULL,
            tx_bytes                     INTEGER NOT NULL,
            connection_count             INTEGER NOT NULL,
            connection_median_latency_ms REAL NOT NULL,
            sessions_vscode              INTEGER NOT NULL,
            sessions_jetbrains           INTEGER NOT NULL,
            sessions_reconnecting_pty    INTEGER NOT NULL,
            sessions_ssh                 INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE agent_connections (
            sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
            agent_id        TEXT NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
            id              TEXT NOT NULL,
            type            TEXT NOT NULL,
            ip              TEXT NOT NULL,
            connected_at    INTEGER,
            disconnected_at INTEGER,
            status_code     INTEGER,
            reason          TEXT,
            UNIQUE (agent_id, id)
        ) STRICT;
        """;
}
