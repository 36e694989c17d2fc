namespace ControlPlane.Storage;

/// <summary>
/// A step of the schema: tokens for other services, what instances stand for which agents, and claims of workspaces.
/// Released: never edited again.
/// </summary>
internal static class IdentitySchema
{
    public const string Sql = """
        -- In clear, as an agent needs the token itself; the file is its owner's alone.
        CREATE TABLE external_auth_tokens (
            user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            provider_id  TEXT NOT NULL,
            access_token TEXT NOT NULL,
            token_extra  TEXT,
            expires_at   INTEGER,
            updated_at   INTEGER NOT NULL,
            PRIMARY KEY (user_id, provider_id)
        ) STRICT, WITHOUT ROWID;

        -- Several agents may live on one instance, but an agent on one only.
        CREATE TABLE instance_bindings (
            agent_id    TEXT PRIMARY KEY REFERENCES workspace_agents (id) ON DELETE CASCADE,
            cloud       TEXT NOT NULL CHECK (cloud IN ('aws', 'azure', 'google')),
            instance_id TEXT NOT NULL,
            created_at  INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE INDEX instance_bindings_by_instance ON instance_bindings (cloud, instance_id);

        -- Tokens given for an instance's identity; they go with the binding.
        CREATE TABLE instance_tokens (
            hashed_token BLOB PRIMARY KEY,
            agent_id     TEXT NOT NULL REFERENCES instance_bindings (agent_id) ON DELETE CASCADE,
            created_at   INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE INDEX instance_tokens_by_agent ON instance_tokens (agent_id, created_at);

        -- The newest claim of each workspace that has had one.
        CREATE TABLE workspace_claims (
            workspace_id TEXT PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
            claim_id     TEXT NOT NULL,
            state        TEXT NOT NULL CHECK (state IN ('pending', 'claimed', 'failed')),
            changed_at   INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        -- The claim that an agent was last told of.
        CREATE TABLE claim_deliveries (
            agent_id TEXT PRIMARY KEY REFERENCES workspace_agents (id) ON DELETE CASCADE,
            claim_id TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        """;
}
