using System.Data.Common;
using ControlPlane.Storage;

namespace ControlPlane.Declarations;

/// <summary>Writes an agent's declarations inside the caller's transaction.</summary>
internal static class DeclarationWriter
{
    public static void Write(DbConnection connection, Guid agentId, AgentDeclarations declarations)
    {
        DeleteOthers(connection, "agent_apps", agentId, declarations.Apps.Select(static app => app.Id));
        DeleteOthers(connection, "agent_scripts", agentId, declarations.Scripts.Select(static script => script.Id));

        // Two apps may swap their slugs. Temporary slugs keep the unique index satisfied between the updates.
        connection.Execute("UPDATE agent_apps SET slug = id WHERE agent_id = @agent", ("@agent", agentId));
        foreach (var (position, app) in declarations.Apps.Index())
        {
            Write(connection, agentId, position, app);
        }

        foreach (var (position, script) in declarations.Scripts.Index())
        {
            Write(connection, agentId, position, script);
        }

        // No reports refer to development containers and metadata, so their rows are deleted and inserted again.
        connection.Execute("DELETE FROM agent_devcontainers WHERE agent_id = @agent", ("@agent", agentId));
        foreach (var (position, container) in declarations.Devcontainers.Index())
        {
            connection.Execute(
                """
                INSERT INTO agent_devcontainers (id, agent_id, position, name, workspace_folder, config_path, subagent_id)
                VALUES (@id, @agent, @position, @name, @folder, @config, @subagent)
                """,
                ("@id", container.Id),
                ("@agent", agentId),
                ("@position", (long)position),
                ("@name", container.Name),
                ("@folder", container.WorkspaceFolder),
                ("@config", container.ConfigPath),
                ("@subagent", container.SubagentId));
        }

        connection.Execute("DELETE FROM agent_metadata_descriptions WHERE agent_id = @agent", ("@agent", agentId));
        foreach (var (position, metadata) in declarations.Metadata.Index())
        {
            connection.Execute(
                """
                INSERT INTO agent_metadata_descriptions (agent_id, key, position, display_name, script, run_interval, timeout)
                VALUES (@agent, @key, @position, @name, @script, @interval, @timeout)
                """,
                ("@agent", agentId),
                ("@key", metadata.Key),
                ("@position", (long)position),
                ("@name", metadata.DisplayName),
                ("@script", metadata.Script),
                ("@interval", metadata.Interval),
                ("@timeout", metadata.Timeout));
        }

        Write(connection, agentId, declarations.Monitors);
    }

    /// <summary>Writes the monitors. A monitor of an unchanged path keeps its state.</summary>
    private static void Write(DbConnection connection, Guid agentId, IReadOnlyList<DeclaredMonitor> monitors)
    {
        foreach (var path in connection.List(
            "SELECT path FROM agent_resource_monitors WHERE agent_id = @agent", static reader => reader.Text("path"), ("@agent", agentId)))
        {
            if (monitors.All(monitor => monitor.Path != path))
            {
                connection.Execute(
                    "DELETE FROM agent_resource_monitors WHERE agent_id = @agent AND path = @path", ("@agent", agentId), ("@path", path));
            }
        }

        foreach (var monitor in monitors)
        {
            connection.Execute(
                """
                INSERT INTO agent_resource_monitors (agent_id, path, enabled, threshold) VALUES (@agent, @path, @enabled, @threshold)
                ON CONFLICT (agent_id, path) DO UPDATE SET enabled = excluded.enabled, threshold = excluded.threshold
                """,
                ("@agent", agentId),
                ("@path", monitor.Path),
                ("@enabled", Flag(monitor.Enabled)),
                ("@threshold", (long)monitor.Threshold));
        }
    }

    private static void DeleteOthers(DbConnection connection, string table, Guid agentId, IEnumerable<Guid> declaredIds)
    {
        var declared = declaredIds.ToHashSet();
        var stored = connection.List(
            $"SELECT id FROM {table} WHERE agent_id = @agent", static reader => reader.Uuid("id"), ("@agent", agentId));
        foreach (var id in stored)
        {
            if (!declared.Contains(id))
            {
                connection.Execute($"DELETE FROM {table} WHERE id = @id", ("@id", id));
            }
        }
    }

    // An id of another agent is refused: the CASE sets agent_id to NULL, which violates the column's NOT NULL constraint.
    private static void Write(DbConnection connection, Guid agentId, int position, AgentApp app) => connection.Execute(
        """
        INSERT INTO agent_apps (id, agent_id, position, slug, display_name, url, is_external, command, icon, subdomain, sharing_level,
            healthcheck_url, healthcheck_interval, healthcheck_threshold, health, app_group, hidden, open_in, tooltip)
        VALUES (@id, @agent, @position, @slug, @name, @url, @external, @command, @icon, @subdomain, @sharing,
            @check_url, @check_interval, @check_threshold, @health, @group, @hidden, @open_in, @tooltip)
        ON CONFLICT (id) DO UPDATE SET
            agent_id = CASE WHEN agent_apps.agent_id = excluded.agent_id THEN excluded.agent_id END,
            position = excluded.position, slug = excluded.slug, display_name = excluded.display_name, url = excluded.url,
            is_external = excluded.is_external, command = excluded.command, icon = excluded.icon, subdomain = excluded.subdomain,
            sharing_level = excluded.sharing_level,
            health = CASE WHEN agent_apps.healthcheck_url = excluded.healthcheck_url THEN agent_apps.health ELSE excluded.health END,
            healthcheck_url = excluded.healthcheck_url, healthcheck_interval = excluded.healthcheck_interval,
            healthcheck_threshold = excluded.healthcheck_threshold, app_group = excluded.app_group, hidden = excluded.hidden,
            open_in = excluded.open_in, tooltip = excluded.tooltip
        """,
        ("@id", app.Id),
        ("@agent", agentId),
        ("@position", (long)position),
        ("@slug", app.Slug),
        ("@name", app.DisplayName),
        ("@url", app.Url),
        ("@external", Flag(app.External)),
        ("@command", app.Command),
        ("@icon", app.Icon),
        ("@subdomain", Flag(app.Subdomain)),
        ("@sharing", app.SharingLevel),
        ("@check_url", app.HealthcheckUrl),
        ("@check_interval", (long)app.HealthcheckInterval),
        ("@check_threshold", (long)app.HealthcheckThreshold),
        ("@health", app.HealthcheckUrl.Length > 0 && app.Health == AppHealths.Disabled ? AppHealths.Initializing : app.Health),
        ("@group", app.Group),
        ("@hidden", Flag(app.Hidden)),
        ("@open_in", app.OpenIn),
        ("@tooltip", app.Tooltip));

    private static void Write(DbConnection connection, Guid agentId, int position, AgentScript script) => connection.Execute(
        """
        INSERT INTO agent_scripts (id, agent_id, position, log_source_id, log_path, script, cron, run_on_start, run_on_stop,
            start_blocks_login, timeout, display_name)
        VALUES (@id, @agent, @position, @source, @path, @script, @cron, @start, @stop, @blocks, @timeout, @name)
        ON CONFLICT (id) DO UPDATE SET
            agent_id = CASE WHEN agent_scripts.agent_id = excluded.agent_id THEN excluded.agent_id END,
            position = excluded.position, log_source_id = excluded.log_source_id, log_path = excluded.log_path,
            script = excluded.script, cron = excluded.cron, run_on_start = excluded.run_on_start, run_on_stop = excluded.run_on_stop,
            start_blocks_login = excluded.start_blocks_login, timeout = excluded.timeout, display_name = excluded.display_name
        """,
        ("@id", script.Id),
        ("@agent", agentId),
        ("@position", (long)position),
        ("@source", script.LogSourceId),
        ("@path", script.LogPath),
        ("@script", script.Script),
        ("@cron", script.Cron),
        ("@start", Flag(script.RunOnStart)),
        ("@stop", Flag(script.RunOnStop)),
        ("@blocks", Flag(script.StartBlocksLogin)),
        ("@timeout", (long)script.Timeout.TotalSeconds),
        ("@name", script.DisplayName));

    private static long Flag(bool value) => value ? 1 : 0;
}
