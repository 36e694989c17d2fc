namespace ControlPlane.Storage;

/// <summary>Schema version 1. Released: never edited again.</summary>
internal static class FirstSchema
{
    public const string Sql = """
        CREATE TABLE deployment (
            id            INTEGER PRIMARY KEY CHECK (id = 1),
            deployment_id TEXT NOT NULL,
            created_at    INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE organizations (
            id         TEXT PRIMARY KEY,
            name       TEXT NOT NULL UNIQUE,
            created_at INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE users (
            id           TEXT PRIMARY KEY,
            username     TEXT NOT NULL COLLATE NOCASE UNIQUE,
            name         TEXT NOT NULL,
            email        TEXT NOT NULL,
            created_at   INTEGER NOT NULL,
            updated_at   INTEGER NOT NULL,
            last_seen_at INTEGER NOT NULL,
            status       TEXT NOT NULL CHECK (status IN ('active', 'dormant', 'suspended')),
            login_type   TEXT NOT NULL CHECK (login_type IN ('password', 'github', 'oidc', 'token', 'none'))
        ) STRICT;

        CREATE TABLE user_roles (
            user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            role    TEXT NOT NULL,
            PRIMARY KEY (user_id, role)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE organization_members (
            organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
            user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            created_at      INTEGER NOT NULL,
            PRIMARY KEY (organization_id, user_id)
        ) STRICT, WITHOUT ROWID;

        CREATE INDEX organization_members_by_user ON organization_members (user_id);

        CREATE TABLE api_keys (
            id            TEXT PRIMARY KEY,
            hashed_secret BLOB NOT NULL,
            user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            created_at    INTEGER NOT NULL,
            last_used_at  INTEGER NOT NULL,
            expires_at    INTEGER
        ) STRICT;

        CREATE TABLE git_ssh_keys (
            user_id     TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
            public_key  TEXT NOT NULL,
            private_key TEXT NOT NULL,
            created_at  INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE workspaces (
            id              TEXT PRIMARY KEY,
            owner_id        TEXT NOT NULL REFERENCES users (id),
            organization_id TEXT NOT NULL REFERENCES organizations (id),
            name            TEXT NOT NULL COLLATE NOCASE,
            created_at      INTEGER NOT NULL,
            updated_at      INTEGER NOT NULL,
            UNIQUE (owner_id, name)
        ) STRICT;

        CREATE TABLE workspace_agents (
            id                         TEXT PRIMARY KEY,
            workspace_id               TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
            parent_id                  TEXT REFERENCES workspace_agents (id) ON DELETE CASCADE,
            resource_id                TEXT NOT NULL,
            name                       TEXT NOT NULL,
            hashed_auth_token          BLOB NOT NULL UNIQUE,
            created_at                 INTEGER NOT NULL,
            updated_at                 INTEGER NOT NULL,
            first_connected_at         INTEGER,
            last_connected_at          INTEGER,
            disconnected_at            INTEGER,
            started_at                 INTEGER,
            ready_at                   INTEGER,
            lifecycle_state            TEXT NOT NULL DEFAULT 'created' CHECK (lifecycle_state IN ('created', 'starting', 'start_timeout',
                                           'start_error', 'ready', 'shutting_down', 'shutdown_timeout', 'shutdown_error', 'off')),
            instance_id                TEXT,
            architecture               TEXT NOT NULL DEFAULT '',
            operating_system           TEXT NOT NULL DEFAULT '',
            environment_variables      TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(environment_variables)),
            directory                  TEXT NOT NULL DEFAULT '',
            expanded_directory         TEXT NOT NULL DEFAULT '',
            version                    TEXT NOT NULL DEFAULT '',
            api_version                TEXT NOT NULL DEFAULT '',
            subsystems                 TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(subsystems)),
            display_apps               TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(display_apps)),
            startup_script_behavior    TEXT NOT NULL DEFAULT 'non-blocking' CHECK (startup_script_behavior IN ('blocking', 'non-blocking')),
            connection_timeout_seconds INTEGER NOT NULL DEFAULT 120,
            troubleshooting_url        TEXT NOT NULL DEFAULT '',
            logs_length                INTEGER NOT NULL DEFAULT 0,
            logs_lines                 INTEGER NOT NULL DEFAULT 0,
            logs_overflowed            INTEGER NOT NULL DEFAULT 0
        ) STRICT;

        CREATE INDEX workspace_agents_by_workspace ON workspace_agents (workspace_id);

        CREATE TABLE agent_log_sources (
            agent_id     TEXT NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
            id           TEXT NOT NULL,
            created_at   INTEGER NOT NULL,
            display_name TEXT NOT NULL,
            icon         TEXT NOT NULL,
            PRIMARY KEY (agent_id, id)
        ) STRICT, WITHOUT ROWID;

        -- AUTOINCREMENT: an id is never given twice, also after deletions, since followers resume by it.
        CREATE TABLE agent_logs (
            id         INTEGER PRIMARY KEY AUTOINCREMENT,
            agent_id   TEXT NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
            created_at INTEGER NOT NULL,
            level      TEXT NOT NULL CHECK (level IN ('trace', 'debug', 'info', 'warn', 'error')),
            source_id  TEXT NOT NULL,
            output     TEXT NOT NULL
        ) STRICT;

        CREATE INDEX agent_logs_by_agent ON agent_logs (agent_id, id);
        """;
}
