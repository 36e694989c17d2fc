using System.Text.Json.Serialization;
using ControlPlane.Agents;
using ControlPlane.Declarations;

namespace ControlPlane.Apps;

/// <summary>
/// The workspace app of the Agents API (tailnet.md §1.3-19). Fields that the oldest API documents do not have are omitted when empty.
/// </summary>
internal sealed record AppView
{
    /// <summary>The app's id.</summary>
    public required Guid Id { get; init; }

    /// <summary>The URL at which the agent reaches the app, or for an external app the user.</summary>
    public required string Url { get; init; }

    /// <summary>Whether the user's browser opens the URL directly.</summary>
    public required bool External { get; init; }

    /// <summary>The name in URLs, unique among the agent's apps.</summary>
    public required string Slug { get; init; }

    /// <summary>The display name.</summary>
    public required string DisplayName { get; init; }

    /// <summary>The command that a terminal runs, for an app without a URL; omitted for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Command { get; init; }

    /// <summary>The icon's URL; omitted for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Icon { get; init; }

    /// <summary>Whether the app has a host name of its own.</summary>
    public required bool Subdomain { get; init; }

    /// <summary>The first label of that host name; omitted for an app without one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? SubdomainName { get; init; }

    /// <summary>The users who may open the app.</summary>
    public required string SharingLevel { get; init; }

    /// <summary>The health check.</summary>
    public required HealthcheckView Healthcheck { get; init; }

    /// <summary>The health that the agent last reported; <c>disabled</c> without a health check.</summary>
    public required string Health { get; init; }

    /// <summary>The group with which the app is shown; omitted for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Group { get; init; }

    /// <summary>Whether the app is hidden.</summary>
    public required bool Hidden { get; init; }

    /// <summary>The window in which the app opens.</summary>
    public required string OpenIn { get; init; }

    /// <summary>The tooltip, in Markdown; omitted for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Tooltip { get; init; }

    /// <summary>The reported statuses, newest first.</summary>
    public required IReadOnlyList<AppStatusView> Statuses { get; init; }

    public static AppView Of(AgentApp app, Agent agent) => new()
    {
        Id = app.Id,
        Url = app.Url,
        External = app.External,
        Slug = app.Slug,
        DisplayName = app.DisplayName,
        Command = NullIfEmpty(app.Command),
        Icon = NullIfEmpty(app.Icon),
        Subdomain = app.Subdomain,
        SubdomainName = NullIfEmpty(SubdomainNameOf(app, agent)),
        SharingLevel = app.SharingLevel,
        Healthcheck = new HealthcheckView(app.HealthcheckUrl, app.HealthcheckInterval, app.HealthcheckThreshold),
        Health = app.Health,
        Group = NullIfEmpty(app.Group),
        Hidden = app.Hidden,
        OpenIn = app.OpenIn,
        Tooltip = NullIfEmpty(app.Tooltip),
        Statuses = [.. app.Statuses.Select(status => AppStatusView.Of(status, app, agent))],
    };

    /// <summary>The first label of the app's host name; empty for an app without one.</summary>
    public static string SubdomainNameOf(AgentApp app, Agent agent) =>
        app.Subdomain ? $"{app.Slug}--{agent.Name}--{agent.WorkspaceName}--{agent.OwnerName}" : "";

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}

/// <summary>The health check of an app.</summary>
/// <param name="Url">The URL that the agent requests; empty: no health check.</param>
/// <param name="Interval">The seconds between two checks.</param>
/// <param name="Threshold">The consecutive failures after which the app is unhealthy.</param>
internal sealed record HealthcheckView(string Url, int Interval, int Threshold);

/// <summary>
/// A reported status of an app. Current servers ignore the icon and the attention flag of a report, so both are empty (tailnet.md §1.3-7).
/// </summary>
/// <param name="Id">The status's id.</param>
/// <param name="CreatedAt">The time of the report.</param>
/// <param name="WorkspaceId">The workspace's id.</param>
/// <param name="AgentId">The agent's id.</param>
/// <param name="AppId">The app's id.</param>
/// <param name="State">The state.</param>
/// <param name="Message">A description in one line.</param>
/// <param name="Uri">A link to more information; may be empty.</param>
/// <param name="Icon">Always empty.</param>
/// <param name="NeedsUserAttention">Always false.</param>
internal sealed record AppStatusView(
    Guid Id,
    DateTimeOffset CreatedAt,
    Guid WorkspaceId,
    Guid AgentId,
    Guid AppId,
    string State,
    string Message,
    string Uri,
    string Icon,
    bool NeedsUserAttention)
{
    public static AppStatusView Of(AgentAppStatus status, AgentApp app, Agent agent) => new(
        status.Id,
        status.CreatedAt,
        agent.WorkspaceId,
        agent.Id,
        app.Id,
        status.State,
        status.Message,
        status.Uri,
        Icon: "",
        NeedsUserAttention: false);
}
