namespace ControlPlane.Storage;

/// <summary>
/// Schema version 4: what an agent is declared to have, and what it reports of that. Flags are 0 and 1, intervals and time-outs whole
/// seconds. Released: never edited again.
/// </summary>
internal static class ReportingSchema
{
    public const string Sql = """
        ALTER TABLE workspace_agents ADD COLUMN motd_file TEXT NOT NULL DEFAULT '';

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

        -- The latest run of each stage.
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

        -- The latest report of each protocol's connections, and of the agent's own metrics.
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
        """;
}
