using System.Text.Json.Serialization;
using ControlPlane.Agents;
using ControlPlane.Declarations;

namespace ControlPlane.Apps;

/// <summary>The API's workspace app (tailnet.md §1.3-19): what the first documents always had is always there, the rest when it says something.</summary>
internal sealed record AppView
{
    /// <summary>The app's id.</summary>
    public required Guid Id { get; init; }

    /// <summary>Where the agent reaches it, or for an external one where the user does.</summary>
    public required string Url { get; init; }

    /// <summary>Whether users go to its URL themselves.</summary>
    public required bool External { get; init; }

    /// <summary>Its name in URLs, one of a kind among its agent's apps.</summary>
    public required string Slug { get; init; }

    /// <summary>What people call it.</summary>
    public required string DisplayName { get; init; }

    /// <summary>What a terminal runs for an app without a URL; left out when there is none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Command { get; init; }

    /// <summary>The icon's URL; left out when there is none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Icon { get; init; }

    /// <summary>Whether it is served under a host name of its own.</summary>
    public required bool Subdomain { get; init; }

    /// <summary>What that host name begins with; left out for an app that is served by path.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? SubdomainName { get; init; }

    /// <summary>Who may open it.</summary>
    public required string SharingLevel { get; init; }

    /// <summary>How its health is learnt.</summary>
    public required HealthcheckView Healthcheck { get; init; }

    /// <summary>Its health, as the agent last reported; disabled: it is not looked at.</summary>
    public required string Health { get; init; }

    /// <summary>Apps of one group are shown together; left out when it has none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Group { get; init; }

    /// <summary>Whether it is not shown.</summary>
    public required bool Hidden { get; init; }

    /// <summary>Where it opens.</summary>
    public required string OpenIn { get; init; }

    /// <summary>What is shown beside it, as Markdown; left out when there is none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Tooltip { get; init; }

    /// <summary>What it was doing, newest first.</summary>
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

    /// <summary>What such an app's host name begins with; empty for one that is served by path.</summary>
    public static string SubdomainNameOf(AgentApp app, Agent agent) =>
        app.Subdomain ? $"{app.Slug}--{agent.Name}--{agent.WorkspaceName}--{agent.OwnerName}" : "";

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}

/// <summary>How an app's health is learnt; the interval is in seconds.</summary>
/// <param name="Url">What the agent asks; empty: its health is not looked at.</param>
/// <param name="Interval">Seconds between two checks.</param>
/// <param name="Threshold">Failures in a row that make the app unhealthy.</param>
internal sealed record HealthcheckView(string Url, int Interval, int Threshold);

/// <summary>
/// What an app is doing. Servers of today read icon and attention no more, so they are as if never sent (tailnet.md §1.3-7).
/// </summary>
/// <param name="Id">The status's id.</param>
/// <param name="CreatedAt">When it was reported.</param>
/// <param name="WorkspaceId">The workspace's id.</param>
/// <param name="AgentId">The agent's id.</param>
/// <param name="AppId">The app's id.</param>
/// <param name="State">What kind of thing it does.</param>
/// <param name="Message">What it does, in a line.</param>
/// <param name="Uri">Where there is more to see; may be empty.</param>
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
        status.Id, status.CreatedAt, agent.WorkspaceId, agent.Id, app.Id, status.State, status.Message, status.Uri, Icon: "", NeedsUserAttention: false);
}
