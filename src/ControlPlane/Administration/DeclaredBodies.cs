using System.Text.RegularExpressions;
using ControlPlane.Declarations;
using ControlPlane.Http;

namespace ControlPlane.Administration;

/// <summary>Converts between the request bodies for an agent's declarations and the stored records. Pure.</summary>
internal static partial class DeclaredBodies
{
    private const int MaxSeconds = 366 * 24 * 3600;

    /// <summary>Validates a body and converts it.</summary>
    /// <param name="body">The request's body.</param>
    /// <param name="old">
    /// The stored declarations. An app without an id gets the id of the stored app with its slug, a container that of the one with its
    /// folder.
    /// </param>
    /// <exception cref="RefusedException">A field is invalid; the error names it.</exception>
    public static AgentDeclarations Read(DeclarationsBody body, AgentDeclarations old)
    {
        var read = new AgentDeclarations
        {
            Apps = [.. Checks.Entries("apps", body.Apps).Select((app, index) => Read($"apps[{index}].", app, old))],
            Scripts = [.. Checks.Entries("scripts", body.Scripts).Select(static (script, index) => Read($"scripts[{index}].", script))],
            Devcontainers =
            [
                .. Checks.Entries("devcontainers", body.Devcontainers)
                    .Select((container, index) => Read($"devcontainers[{index}].", container, old)),
            ],
            Metadata =
            [
                .. Checks.Entries("metadata", body.Metadata).Select(static (metadata, index) => Read($"metadata[{index}].", metadata)),
            ],
            Monitors =
            [
                .. Checks.Entries("resources", body.Resources).Select(static (resource, index) => Read($"resources[{index}].", resource)),
            ],
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

    private static AgentApp Read(string prefix, DeclaredApp app, AgentDeclarations old)
    {
        var slug = Checks.Slug(prefix + "slug", app.Slug);
        return new AgentApp
        {
            Id = app.Id ?? old.Apps.FirstOrDefault(known => known.Slug == slug)?.Id ?? Secrets.NewUuid(),
            Slug = slug,
            DisplayName = Checks.Text(prefix + "display_name", app.DisplayName),
            Url = Checks.Text(prefix + "url", app.Url),
            External = app.External,
            Command = Checks.Text(prefix + "command", app.Command),
            Icon = Checks.Text(prefix + "icon", app.Icon),
            Subdomain = app.Subdomain,
            SharingLevel = Checks.OneOf(prefix + "sharing_level", app.SharingLevel, AgentApp.SharingLevels),
            HealthcheckUrl = Checks.Text(prefix + "healthcheck_url", app.HealthcheckUrl),
            HealthcheckInterval = Seconds(prefix + "healthcheck_interval", app.HealthcheckInterval),
            HealthcheckThreshold = (int)Checks.Between(prefix + "healthcheck_threshold", app.HealthcheckThreshold, 0, 1_000_000),
            Group = Checks.Text(prefix + "group", app.Group),
            Hidden = app.Hidden,
            OpenIn = Checks.OneOf(prefix + "open_in", app.OpenIn, AgentApp.Windows),
            Tooltip = Checks.Text(prefix + "tooltip", app.Tooltip),
        };
    }

    private static AgentScript Read(string prefix, DeclaredScript script) => new()
    {
        Id = script.Id ?? Secrets.NewUuid(),
        DisplayName = Checks.Text(prefix + "display_name", script.DisplayName),
        Script = Checks.Required(prefix + "script", script.Script, Checks.MaxScript),
        LogSourceId = script.LogSourceId ?? Guid.Empty,
        LogPath = Checks.Text(prefix + "log_path", script.LogPath),
        Cron = Checks.Text(prefix + "cron", script.Cron),
        RunOnStart = script.RunOnStart,
        RunOnStop = script.RunOnStop,
        StartBlocksLogin = script.StartBlocksLogin,
        Timeout = TimeSpan.FromSeconds(Seconds(prefix + "timeout_seconds", script.TimeoutSeconds)),
    };

    private static AgentDevcontainer Read(string prefix, DeclaredDevcontainer container, AgentDeclarations old)
    {
        var folder = Checks.Required(prefix + "workspace_folder", container.WorkspaceFolder);
        var known = old.Devcontainers.FirstOrDefault(known => container.Id is { } id ? known.Id == id : known.WorkspaceFolder == folder);
        return new AgentDevcontainer(
            container.Id ?? known?.Id ?? Secrets.NewUuid(),
            Checks.Name(prefix + "name", container.Name),
            folder,
            Checks.Text(prefix + "config_path", container.ConfigPath),
            known?.SubagentId);
    }

    private static MetadataDescription Read(string prefix, DeclaredMetadata metadata) => new(
        KeyPattern().IsMatch(metadata.Key)
            ? metadata.Key
            : throw RefusedException.Invalid(prefix + "key", "must be 1 to 128 letters, digits, hyphens, dots and underscores"),
        Checks.Text(prefix + "display_name", metadata.DisplayName),
        Checks.Required(prefix + "script", metadata.Script, Checks.MaxScript),
        Checks.Between(prefix + "interval", metadata.Interval, 1, MaxSeconds),
        Seconds(prefix + "timeout", metadata.Timeout));

    private static DeclaredMonitor Read(string prefix, DeclaredResource resource) => new(
        resource.Path.Length == 0 || resource.Path[0] == '/'
            ? Checks.Text(prefix + "path", resource.Path)
            : throw RefusedException.Invalid(prefix + "path", "must be an absolute path, or empty for the memory"),
        resource.Enabled,
        (int)Checks.Between(prefix + "threshold", resource.Threshold, 0, 100));

    private static int Seconds(string field, long value) => (int)Checks.Between(field, value, 0, MaxSeconds);

    [GeneratedRegex(@"\A[a-zA-Z0-9_.-]{1,128}\z", RegexOptions.CultureInvariant)]
    private static partial Regex KeyPattern();
}
