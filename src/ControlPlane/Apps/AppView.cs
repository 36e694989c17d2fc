using System.Text.Json.Serialization;
using ControlPlane.Agents;
using ControlPlane.Declarations;

namespace ControlPlane.Apps;

/// <summary>The API's workspace app (tailnet.md §1.3-19): what the first documents always had is always there, the rest when it says something.</summary>
internal sealed record AppView
{
    public required Guid Id { get; init; }

    public required string Url { get; init; }

    public required bool External { get; init; }

    public required string Slug { get; init; }

    public required string DisplayName { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Command { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Icon { get; init; }

    public required bool Subdomain { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? SubdomainName { get; init; }

    public required string SharingLevel { get; init; }

    public required HealthcheckView Healthcheck { get; init; }

    public required string Health { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Group { get; init; }

    public required bool Hidden { get; init; }

    public required string OpenIn { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Tooltip { get; init; }

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
internal sealed record HealthcheckView(string Url, int Interval, int Threshold);

/// <summary>
/// What an app is doing. Servers of today read icon and attention no more, so they are as if never sent (tailnet.md §1.3-7).
/// </summary>
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
