using System.Text.RegularExpressions;
using ControlPlane.Declarations;
using ControlPlane.Http;

namespace ControlPlane.Administration;

/// <summary>Between what administrators write of an agent's apps, scripts, containers and metadata, and what is stored. Pure.</summary>
internal static partial class DeclaredBodies
{
    private const int LongestSeconds = 366 * 24 * 3600;

    /// <param name="body">What is asked for.</param>
    /// <param name="old">What the agent has: an app without an id is the one of its slug, a container that of its folder.</param>
    /// <exception cref="RefusedException">A field is wrong; the message names it.</exception>
    public static AgentDeclarations Read(DeclarationsBody body, AgentDeclarations old)
    {
        var read = new AgentDeclarations
        {
            Apps = [.. Checks.Entries("apps", body.Apps).Select((app, index) => Read($"apps[{index}].", app, old))],
            Scripts = [.. Checks.Entries("scripts", body.Scripts).Select(static (script, index) => Read($"scripts[{index}].", script))],
            Devcontainers = [.. Checks.Entries("devcontainers", body.Devcontainers).Select((container, index) => Read($"devcontainers[{index}].", container, old))],
            Metadata = [.. Checks.Entries("metadata", body.Metadata).Select(static (metadata, index) => Read($"metadata[{index}].", metadata))],
            Monitors = [.. Checks.Entries("resources", body.Resources).Select(static (resource, index) => Read($"resources[{index}].", resource))],
        };
        Checks.Distinct("apps.id", read.Apps.Select(static app => app.Id));
        Checks.Distinct("apps.slug", read.Apps.Select(static app => app.Slug));
        Checks.Distinct("scripts.id", read.Scripts.Select(static script => script.Id));
        Checks.Distinct("devcontainers.id", read.Devcontainers.Select(static container => container.Id));
        Checks.Distinct("metadata.key", read.Metadata.Select(static metadata => metadata.Key));
        Checks.Distinct("resources.path", read.Monitors.Select(static monitor => monitor.Path));
        return read;
    }

    public static DeclarationsBody Write(AgentDeclarations stored) => new()
    {
        Apps = [.. stored.Apps.Select(static app => new DeclaredApp
        {
            Id = app.Id,
            Slug = app.Slug,
            DisplayName = app.DisplayName,
            Url = app.Url,
            External = app.External,
            Command = app.Command,
            Icon = app.Icon,
            Subdomain = app.Subdomain,
            SharingLevel = app.SharingLevel,
            HealthcheckUrl = app.HealthcheckUrl,
            HealthcheckInterval = app.HealthcheckInterval,
            HealthcheckThreshold = app.HealthcheckThreshold,
            Group = app.Group,
            Hidden = app.Hidden,
            OpenIn = app.OpenIn,
            Tooltip = app.Tooltip,
        })],
        Scripts = [.. stored.Scripts.Select(static script => new DeclaredScript
        {
            Id = script.Id,
            DisplayName = script.DisplayName,
            Script = script.Script,
            LogSourceId = script.LogSourceId,
            LogPath = script.LogPath,
            Cron = script.Cron,
            RunOnStart = script.RunOnStart,
            RunOnStop = script.RunOnStop,
            StartBlocksLogin = script.StartBlocksLogin,
            TimeoutSeconds = (long)script.Timeout.TotalSeconds,
        })],
        Devcontainers = [.. stored.Devcontainers.Select(static container => new DeclaredDevcontainer
        {
            Id = container.Id,
            Name = container.Name,
            WorkspaceFolder = container.WorkspaceFolder,
            ConfigPath = container.ConfigPath,
        })],
        Metadata = [.. stored.Metadata.Select(static metadata => new DeclaredMetadata
        {
            Key = metadata.Key,
            DisplayName = metadata.DisplayName,
            Script = metadata.Script,
            Interval = metadata.Interval,
            Timeout = metadata.Timeout,
        })],
        Resources = [.. stored.Monitors.Select(static monitor => new DeclaredResource
        {
            Path = monitor.Path,
            Threshold = monitor.Threshold,
            Enabled = monitor.Enabled,
        })],
    };

    private static AgentApp Read(string at, DeclaredApp app, AgentDeclarations old)
    {
        var slug = Checks.Slug(at + "slug", app.Slug);
        return new AgentApp
        {
            Id = app.Id ?? old.Apps.FirstOrDefault(known => known.Slug == slug)?.Id ?? Secrets.NewUuid(),
            Slug = slug,
            DisplayName = Checks.Text(at + "display_name", app.DisplayName),
            Url = Checks.Text(at + "url", app.Url),
            External = app.External,
            Command = Checks.Text(at + "command", app.Command),
            Icon = Checks.Text(at + "icon", app.Icon),
            Subdomain = app.Subdomain,
            SharingLevel = Checks.OneOf(at + "sharing_level", app.SharingLevel, AgentApp.SharingLevels),
            HealthcheckUrl = Checks.Text(at + "healthcheck_url", app.HealthcheckUrl),
            HealthcheckInterval = Seconds(at + "healthcheck_interval", app.HealthcheckInterval),
            HealthcheckThreshold = (int)Checks.Between(at + "healthcheck_threshold", app.HealthcheckThreshold, 0, 1_000_000),
            Group = Checks.Text(at + "group", app.Group),
            Hidden = app.Hidden,
            OpenIn = Checks.OneOf(at + "open_in", app.OpenIn, AgentApp.Windows),
            Tooltip = Checks.Text(at + "tooltip", app.Tooltip),
        };
    }

    private static AgentScript Read(string at, DeclaredScript script) => new()
    {
        Id = script.Id ?? Secrets.NewUuid(),
        DisplayName = Checks.Text(at + "display_name", script.DisplayName),
        Script = Checks.Required(at + "script", script.Script, Checks.MaxScript),
        LogSourceId = script.LogSourceId ?? Guid.Empty,
        LogPath = Checks.Text(at + "log_path", script.LogPath),
        Cron = Checks.Text(at + "cron", script.Cron),
        RunOnStart = script.RunOnStart,
        RunOnStop = script.RunOnStop,
        StartBlocksLogin = script.StartBlocksLogin,
        Timeout = TimeSpan.FromSeconds(Seconds(at + "timeout_seconds", script.TimeoutSeconds)),
    };

    private static AgentDevcontainer Read(string at, DeclaredDevcontainer container, AgentDeclarations old)
    {
        var folder = Checks.Required(at + "workspace_folder", container.WorkspaceFolder);
        var known = old.Devcontainers.FirstOrDefault(known => container.Id is { } id ? known.Id == id : known.WorkspaceFolder == folder);
        return new AgentDevcontainer(
            container.Id ?? known?.Id ?? Secrets.NewUuid(),
            Checks.Name(at + "name", container.Name),
            folder,
            Checks.Text(at + "config_path", container.ConfigPath),
            known?.SubagentId);
    }

    private static MetadataDescription Read(string at, DeclaredMetadata metadata) => new(
        KeyPattern().IsMatch(metadata.Key)
            ? metadata.Key
            : throw RefusedException.Invalid(at + "key", "must be 1 to 128 letters, digits, hyphens, dots and underscores"),
        Checks.Text(at + "display_name", metadata.DisplayName),
        Checks.Required(at + "script", metadata.Script, Checks.MaxScript),
        Checks.Between(at + "interval", metadata.Interval, 1, LongestSeconds),
        Seconds(at + "timeout", metadata.Timeout));

    private static DeclaredMonitor Read(string at, DeclaredResource resource) => new(
        resource.Path.Length == 0 || resource.Path[0] == '/'
            ? Checks.Text(at + "path", resource.Path)
            : throw RefusedException.Invalid(at + "path", "must be an absolute path, or empty for the memory"),
        resource.Enabled,
        (int)Checks.Between(at + "threshold", resource.Threshold, 0, 100));

    private static int Seconds(string field, long value) => (int)Checks.Between(field, value, 0, LongestSeconds);

    [GeneratedRegex(@"\A[a-zA-Z0-9_.-]{1,128}\z", RegexOptions.CultureInvariant)]
    private static partial Regex KeyPattern();
}
