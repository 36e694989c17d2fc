-- Step 1 of the schema, for SQLite. postgres.sql has the same tables and columns (SchemaTests). A released step never changes.
-- Times are whole microseconds since 1970, UUIDs lower-case text, flags 0 and 1, intervals and time-outs whole seconds.

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
    logs_overflowed            INTEGER NOT NULL DEFAULT 0,
    motd_file                  TEXT NOT NULL DEFAULT ''
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

-- AUTOINCREMENT never reuses an id, even after deletions: followers resume after an id.
CREATE TABLE agent_logs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    agent_id   TEXT NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    level      TEXT NOT NULL CHECK (level IN ('trace', 'debug', 'info', 'warn', 'error')),
    source_id  TEXT NOT NULL,
    output     TEXT NOT NULL
) STRICT;

CREATE INDEX agent_logs_by_agent ON agent_logs (agent_id, id);

CREATE TABLE resume_token_keys (
    sequence   INTEGER PRIMARY KEY,
    secret     BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE agent_metadata (
    agent_id     TEXT NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    key          TEXT NOT NULL,
    collected_at INTEGER NOT NULL,
    value        TEXT NOT NULL,
    error        TEXT NOT NULL,
    PRIMARY KEY (agent_id, key)
) STRICT, WITHOUT ROWID;

-- The counters are sums over all reports. The other values are those of the last report.
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

CREATE TABLE agent_apps (
    id                    TEXT PRIMARY KEY,
    agent_id              TEXT NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    position              INTEGER NOT NULL,
    slug                  TEXT NOT NULL,
    display_name          TEXT NOT NULL,
    url                   TEXT NOT NULL,
    is_external           INTEGER NOT NULL,
    command               TEXT NOT NULL,
    icon                  TEXT NOT NULL,
    subdomain             INTEGER NOT NULL,
    sharing_level         TEXT NOT NULL CHECK (sharing_level IN ('owner', 'authenticated', 'organization', 'public')),
    healthcheck_url       TEXT NOT NULL,
    healthcheck_interval  INTEGER NOT NULL,
    healthcheck_threshold INTEGER NOT NULL,
    health                TEXT NOT NULL CHECK (health IN ('disabled', 'initializing', 'healthy', 'unhealthy')),
    app_group             TEXT NOT NULL,
    hidden                INTEGER NOT NULL,
    open_in               TEXT NOT NULL CHECK (open_in IN ('slim-window', 'tab')),
    tooltip               TEXT NOT NULL,
    UNIQUE (agent_id, slug)
) STRICT;

CREATE TABLE agent_app_statuses (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    app_id     TEXT NOT NULL REFERENCES agent_apps (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('working', 'idle', 'complete', 'failure')),
    message    TEXT NOT NULL,
    uri        TEXT NOT NULL
) STRICT;

CREATE INDEX agent_app_statuses_by_app ON agent_app_statuses (app_id, sequence);

CREATE TABLE agent_scripts (
    id                 TEXT PRIMARY KEY,
    agent_id           TEXT NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    position           INTEGER NOT NULL,
    log_source_id      TEXT NOT NULL,
    log_path           TEXT NOT NULL,
    script             TEXT NOT NULL,
    cron               TEXT NOT NULL,
    run_on_start       INTEGER NOT NULL,
    run_on_stop        INTEGER NOT NULL,
    start_blocks_login INTEGER NOT NULL,
    timeout            INTEGER NOT NULL,
    display_name       TEXT NOT NULL
) STRICT;

CREATE INDEX agent_scripts_by_agent ON agent_scripts (agent_id);

-- The latest run of each script in each stage.
CREATE TABLE agent_script_runs (
    script_id  TEXT NOT NULL REFERENCES agent_scripts (id) ON DELETE CASCADE,
    stage      TEXT NOT NULL CHECK (stage IN ('start', 'stop', 'cron')),
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    exit_code  INTEGER NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('ok', 'exit_failure', 'timed_out', 'pipes_left_open')),
    PRIMARY KEY (script_id, stage)
) STRICT;

CREATE TABLE agent_devcontainers (
    id               TEXT PRIMARY KEY,
    agent_id         TEXT NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    position         INTEGER NOT NULL,
    name             TEXT NOT NULL,
    workspace_folder TEXT NOT NULL,
    config_path      TEXT NOT NULL,
    subagent_id      TEXT
) STRICT;

CREATE INDEX agent_devcontainers_by_agent ON agent_devcontainers (agent_id);

CREATE TABLE agent_metadata_descriptions (
    agent_id     TEXT NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    key          TEXT NOT NULL,
    position     INTEGER NOT NULL,
    display_name TEXT NOT NULL,
    script       TEXT NOT NULL,
    run_interval INTEGER NOT NULL,
    timeout      INTEGER NOT NULL,
    PRIMARY KEY (agent_id, key)
) STRICT;

-- The number of connections by protocol, and the metrics that the agent itself defines, as last reported.
CREATE TABLE agent_stats_protocols (
    agent_id    TEXT NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    protocol    TEXT NOT NULL,
    connections INTEGER NOT NULL,
    PRIMARY KEY (agent_id, protocol)
) STRICT;

CREATE TABLE agent_stats_metrics (
    agent_id TEXT NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    name     TEXT NOT NULL,
    labels   TEXT NOT NULL,
    type     TEXT NOT NULL CHECK (type IN ('counter', 'gauge')),
    value    REAL NOT NULL,
    PRIMARY KEY (agent_id, name, labels)
) STRICT;

-- The tokens are not hashed, since agents need their text. The file has mode 0600.
CREATE TABLE external_auth_tokens (
    user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider_id  TEXT NOT NULL,
    access_token TEXT NOT NULL,
    token_extra  TEXT,
    expires_at   INTEGER,
    updated_at   INTEGER NOT NULL,
    PRIMARY KEY (user_id, provider_id)
) STRICT, WITHOUT ROWID;

-- An instance may have several agents, and an agent has at most one instance.
CREATE TABLE instance_bindings (
    agent_id    TEXT PRIMARY KEY REFERENCES workspace_agents (id) ON DELETE CASCADE,
    cloud       TEXT NOT NULL CHECK (cloud IN ('aws', 'azure', 'google')),
    instance_id TEXT NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX instance_bindings_by_instance ON instance_bindings (cloud, instance_id);

-- The tokens that instances got for their identity. The deletion of a binding deletes them.
CREATE TABLE instance_tokens (
    hashed_token BLOB PRIMARY KEY,
    agent_id     TEXT NOT NULL REFERENCES instance_bindings (agent_id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX instance_tokens_by_agent ON instance_tokens (agent_id, created_at);

-- The newest claim of each workspace that was ever prepared or claimed.
CREATE TABLE workspace_claims (
    workspace_id TEXT PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
    claim_id     TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'claimed', 'failed')),
    changed_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The last claim whose event an agent has got.
CREATE TABLE claim_deliveries (
    agent_id TEXT PRIMARY KEY REFERENCES workspace_agents (id) ON DELETE CASCADE,
    claim_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The monitored resources of agents: the memory (path is empty) or a volume. The threshold is in percent.
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
