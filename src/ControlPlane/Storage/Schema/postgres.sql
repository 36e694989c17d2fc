-- Step 1 of the schema, for PostgreSQL. sqlite.sql has the same tables and columns (SchemaTests). A released step never changes.
-- Times are whole microseconds since 1970, UUIDs lower-case text, flags 0 and 1, intervals and time-outs whole seconds.
-- Text sorts and compares by bytes, as in SQLite. Only the names with the collation nocase ignore case.

CREATE COLLATION IF NOT EXISTS nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

CREATE TABLE deployment (
    id            BIGINT PRIMARY KEY CHECK (id = 1),
    deployment_id TEXT COLLATE "C" NOT NULL,
    created_at    BIGINT NOT NULL
);

CREATE TABLE organizations (
    id         TEXT COLLATE "C" PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE users (
    id           TEXT COLLATE "C" PRIMARY KEY,
    username     TEXT NOT NULL COLLATE NOCASE UNIQUE,
    name         TEXT COLLATE "C" NOT NULL,
    email        TEXT COLLATE "C" NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    status       TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'dormant', 'suspended')),
    login_type   TEXT COLLATE "C" NOT NULL CHECK (login_type IN ('password', 'github', 'oidc', 'token', 'none'))
);

CREATE TABLE user_roles (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, role)
);

CREATE TABLE organization_members (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id         TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);

CREATE INDEX organization_members_by_user ON organization_members (user_id);

CREATE TABLE api_keys (
    id            TEXT COLLATE "C" PRIMARY KEY,
    hashed_secret BYTEA NOT NULL,
    user_id       TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL,
    expires_at    BIGINT
);

CREATE TABLE git_ssh_keys (
    user_id     TEXT COLLATE "C" PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    public_key  TEXT COLLATE "C" NOT NULL,
    private_key TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE TABLE workspaces (
    id              TEXT COLLATE "C" PRIMARY KEY,
    owner_id        TEXT COLLATE "C" NOT NULL REFERENCES users (id),
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL COLLATE NOCASE,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    UNIQUE (owner_id, name)
);

CREATE TABLE workspace_agents (
    id                         TEXT COLLATE "C" PRIMARY KEY,
    workspace_id               TEXT COLLATE "C" NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    parent_id                  TEXT COLLATE "C" REFERENCES workspace_agents (id) ON DELETE CASCADE,
    resource_id                TEXT COLLATE "C" NOT NULL,
    name                       TEXT COLLATE "C" NOT NULL,
    hashed_auth_token          BYTEA NOT NULL UNIQUE,
    created_at                 BIGINT NOT NULL,
    updated_at                 BIGINT NOT NULL,
    first_connected_at         BIGINT,
    last_connected_at          BIGINT,
    disconnected_at            BIGINT,
    started_at                 BIGINT,
    ready_at                   BIGINT,
    lifecycle_state            TEXT COLLATE "C" NOT NULL DEFAULT 'created' CHECK (lifecycle_state IN ('created', 'starting', 'start_timeout',
                                   'start_error', 'ready', 'shutting_down', 'shutdown_timeout', 'shutdown_error', 'off')),
    instance_id                TEXT COLLATE "C",
    architecture               TEXT COLLATE "C" NOT NULL DEFAULT '',
    operating_system           TEXT COLLATE "C" NOT NULL DEFAULT '',
    environment_variables      TEXT COLLATE "C" NOT NULL DEFAULT '{}' CHECK ((environment_variables::jsonb IS NOT NULL)),
    directory                  TEXT COLLATE "C" NOT NULL DEFAULT '',
    expanded_directory         TEXT COLLATE "C" NOT NULL DEFAULT '',
    version                    TEXT COLLATE "C" NOT NULL DEFAULT '',
    api_version                TEXT COLLATE "C" NOT NULL DEFAULT '',
    subsystems                 TEXT COLLATE "C" NOT NULL DEFAULT '[]' CHECK ((subsystems::jsonb IS NOT NULL)),
    display_apps               TEXT COLLATE "C" NOT NULL DEFAULT '[]' CHECK ((display_apps::jsonb IS NOT NULL)),
    startup_script_behavior    TEXT COLLATE "C" NOT NULL DEFAULT 'non-blocking' CHECK (startup_script_behavior IN ('blocking', 'non-blocking')),
    connection_timeout_seconds BIGINT NOT NULL DEFAULT 120,
    troubleshooting_url        TEXT COLLATE "C" NOT NULL DEFAULT '',
    logs_length                BIGINT NOT NULL DEFAULT 0,
    logs_lines                 BIGINT NOT NULL DEFAULT 0,
    logs_overflowed            BIGINT NOT NULL DEFAULT 0,
    motd_file                  TEXT COLLATE "C" NOT NULL DEFAULT ''
);

CREATE INDEX workspace_agents_by_workspace ON workspace_agents (workspace_id);

CREATE TABLE agent_log_sources (
    agent_id     TEXT COLLATE "C" NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    id           TEXT COLLATE "C" NOT NULL,
    created_at   BIGINT NOT NULL,
    display_name TEXT COLLATE "C" NOT NULL,
    icon         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (agent_id, id)
);

-- An identity column never reuses an id, even after deletions: followers resume after an id.
CREATE TABLE agent_logs (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id   TEXT COLLATE "C" NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    level      TEXT COLLATE "C" NOT NULL CHECK (level IN ('trace', 'debug', 'info', 'warn', 'error')),
    source_id  TEXT COLLATE "C" NOT NULL,
    output     TEXT COLLATE "C" NOT NULL
);

CREATE INDEX agent_logs_by_agent ON agent_logs (agent_id, id);

CREATE TABLE resume_token_keys (
    sequence   BIGINT PRIMARY KEY,
    secret     BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE agent_metadata (
    agent_id     TEXT COLLATE "C" NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    key          TEXT COLLATE "C" NOT NULL,
    collected_at BIGINT NOT NULL,
    value        TEXT COLLATE "C" NOT NULL,
    error        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (agent_id, key)
);

-- The counters are sums over all reports. The other values are those of the last report.
CREATE TABLE agent_stats (
    agent_id                     TEXT COLLATE "C" PRIMARY KEY REFERENCES workspace_agents (id) ON DELETE CASCADE,
    reported_at                  BIGINT NOT NULL,
    reports                      BIGINT NOT NULL,
    rx_packets                   BIGINT NOT NULL,
    rx_bytes                     BIGINT NOT NULL,
    tx_packets                   BIGINT NOT NULL,
    tx_bytes                     BIGINT NOT NULL,
    connection_count             BIGINT NOT NULL,
    connection_median_latency_ms DOUBLE PRECISION NOT NULL,
    sessions_vscode              BIGINT NOT NULL,
    sessions_jetbrains           BIGINT NOT NULL,
    sessions_reconnecting_pty    BIGINT NOT NULL,
    sessions_ssh                 BIGINT NOT NULL
);

CREATE TABLE agent_connections (
    sequence        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id        TEXT COLLATE "C" NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    id              TEXT COLLATE "C" NOT NULL,
    type            TEXT COLLATE "C" NOT NULL,
    ip              TEXT COLLATE "C" NOT NULL,
    connected_at    BIGINT,
    disconnected_at BIGINT,
    status_code     BIGINT,
    reason          TEXT COLLATE "C",
    UNIQUE (agent_id, id)
);

CREATE TABLE agent_apps (
    id                    TEXT COLLATE "C" PRIMARY KEY,
    agent_id              TEXT COLLATE "C" NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    position              BIGINT NOT NULL,
    slug                  TEXT COLLATE "C" NOT NULL,
    display_name          TEXT COLLATE "C" NOT NULL,
    url                   TEXT COLLATE "C" NOT NULL,
    is_external           BIGINT NOT NULL,
    command               TEXT COLLATE "C" NOT NULL,
    icon                  TEXT COLLATE "C" NOT NULL,
    subdomain             BIGINT NOT NULL,
    sharing_level         TEXT COLLATE "C" NOT NULL CHECK (sharing_level IN ('owner', 'authenticated', 'organization', 'public')),
    healthcheck_url       TEXT COLLATE "C" NOT NULL,
    healthcheck_interval  BIGINT NOT NULL,
    healthcheck_threshold BIGINT NOT NULL,
    health                TEXT COLLATE "C" NOT NULL CHECK (health IN ('disabled', 'initializing', 'healthy', 'unhealthy')),
    app_group             TEXT COLLATE "C" NOT NULL,
    hidden                BIGINT NOT NULL,
    open_in               TEXT COLLATE "C" NOT NULL CHECK (open_in IN ('slim-window', 'tab')),
    tooltip               TEXT COLLATE "C" NOT NULL,
    UNIQUE (agent_id, slug)
);

CREATE TABLE agent_app_statuses (
    sequence   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         TEXT COLLATE "C" NOT NULL UNIQUE,
    app_id     TEXT COLLATE "C" NOT NULL REFERENCES agent_apps (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    state      TEXT COLLATE "C" NOT NULL CHECK (state IN ('working', 'idle', 'complete', 'failure')),
    message    TEXT COLLATE "C" NOT NULL,
    uri        TEXT COLLATE "C" NOT NULL
);

CREATE INDEX agent_app_statuses_by_app ON agent_app_statuses (app_id, sequence);

CREATE TABLE agent_scripts (
    id                 TEXT COLLATE "C" PRIMARY KEY,
    agent_id           TEXT COLLATE "C" NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    position           BIGINT NOT NULL,
    log_source_id      TEXT COLLATE "C" NOT NULL,
    log_path           TEXT COLLATE "C" NOT NULL,
    script             TEXT COLLATE "C" NOT NULL,
    cron               TEXT COLLATE "C" NOT NULL,
    run_on_start       BIGINT NOT NULL,
    run_on_stop        BIGINT NOT NULL,
    start_blocks_login BIGINT NOT NULL,
    timeout            BIGINT NOT NULL,
    display_name       TEXT COLLATE "C" NOT NULL
);

CREATE INDEX agent_scripts_by_agent ON agent_scripts (agent_id);

-- The latest run of each script in each stage.
CREATE TABLE agent_script_runs (
    script_id  TEXT COLLATE "C" NOT NULL REFERENCES agent_scripts (id) ON DELETE CASCADE,
    stage      TEXT COLLATE "C" NOT NULL CHECK (stage IN ('start', 'stop', 'cron')),
    started_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL,
    exit_code  BIGINT NOT NULL,
    status     TEXT COLLATE "C" NOT NULL CHECK (status IN ('ok', 'exit_failure', 'timed_out', 'pipes_left_open')),
    PRIMARY KEY (script_id, stage)
);

CREATE TABLE agent_devcontainers (
    id               TEXT COLLATE "C" PRIMARY KEY,
    agent_id         TEXT COLLATE "C" NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    position         BIGINT NOT NULL,
    name             TEXT COLLATE "C" NOT NULL,
    workspace_folder TEXT COLLATE "C" NOT NULL,
    config_path      TEXT COLLATE "C" NOT NULL,
    subagent_id      TEXT COLLATE "C"
);

CREATE INDEX agent_devcontainers_by_agent ON agent_devcontainers (agent_id);

CREATE TABLE agent_metadata_descriptions (
    agent_id     TEXT COLLATE "C" NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    key          TEXT COLLATE "C" NOT NULL,
    position     BIGINT NOT NULL,
    display_name TEXT COLLATE "C" NOT NULL,
    script       TEXT COLLATE "C" NOT NULL,
    run_interval BIGINT NOT NULL,
    timeout      BIGINT NOT NULL,
    PRIMARY KEY (agent_id, key)
);

-- The number of connections by protocol, and the metrics that the agent itself defines, as last reported.
CREATE TABLE agent_stats_protocols (
    agent_id    TEXT COLLATE "C" NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    protocol    TEXT COLLATE "C" NOT NULL,
    connections BIGINT NOT NULL,
    PRIMARY KEY (agent_id, protocol)
);

CREATE TABLE agent_stats_metrics (
    agent_id TEXT COLLATE "C" NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    name     TEXT COLLATE "C" NOT NULL,
    labels   TEXT COLLATE "C" NOT NULL,
    type     TEXT COLLATE "C" NOT NULL CHECK (type IN ('counter', 'gauge')),
    value    DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (agent_id, name, labels)
);

-- The tokens are not hashed, since agents need their text. The database and its backups must be protected.
CREATE TABLE external_auth_tokens (
    user_id      TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider_id  TEXT COLLATE "C" NOT NULL,
    access_token TEXT COLLATE "C" NOT NULL,
    token_extra  TEXT COLLATE "C",
    expires_at   BIGINT,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (user_id, provider_id)
);

-- An instance may have several agents, and an agent has at most one instance.
CREATE TABLE instance_bindings (
    agent_id    TEXT COLLATE "C" PRIMARY KEY REFERENCES workspace_agents (id) ON DELETE CASCADE,
    cloud       TEXT COLLATE "C" NOT NULL CHECK (cloud IN ('aws', 'azure', 'google')),
    instance_id TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE INDEX instance_bindings_by_instance ON instance_bindings (cloud, instance_id);

-- The tokens that instances got for their identity. The deletion of a binding deletes them.
CREATE TABLE instance_tokens (
    hashed_token BYTEA PRIMARY KEY,
    agent_id     TEXT COLLATE "C" NOT NULL REFERENCES instance_bindings (agent_id) ON DELETE CASCADE,
    created_at   BIGINT NOT NULL
);

CREATE INDEX instance_tokens_by_agent ON instance_tokens (agent_id, created_at);

-- The newest claim of each workspace that was ever prepared or claimed.
CREATE TABLE workspace_claims (
    workspace_id TEXT COLLATE "C" PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
    claim_id     TEXT COLLATE "C" NOT NULL,
    state        TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'claimed', 'failed')),
    changed_at   BIGINT NOT NULL
);

-- The last claim whose event an agent has got.
CREATE TABLE claim_deliveries (
    agent_id TEXT COLLATE "C" PRIMARY KEY REFERENCES workspace_agents (id) ON DELETE CASCADE,
    claim_id TEXT COLLATE "C" NOT NULL
);

-- The monitored resources of agents: the memory (path is empty) or a volume. The threshold is in percent.
CREATE TABLE agent_resource_monitors (
    agent_id   TEXT COLLATE "C" NOT NULL REFERENCES workspace_agents (id) ON DELETE CASCADE,
    path       TEXT COLLATE "C" NOT NULL,
    enabled    BIGINT NOT NULL,
    threshold  BIGINT NOT NULL,
    is_over    BIGINT NOT NULL DEFAULT 0,
    changed_at BIGINT,
    PRIMARY KEY (agent_id, path)
);

CREATE TABLE agent_context_states (
    agent_id       TEXT COLLATE "C" PRIMARY KEY REFERENCES workspace_agents (id) ON DELETE CASCADE,
    version        BIGINT NOT NULL,
    aggregate_hash BYTEA NOT NULL,
    snapshot_error TEXT COLLATE "C" NOT NULL,
    pushed_at      BIGINT NOT NULL
);
