namespace ControlPlane.Declarations;

/// <summary>An app of an agent. Texts that are not declared are empty.</summary>
internal sealed record AgentApp
{
    /// <summary>The values of <see cref="SharingLevel"/>: the users who may open an app.</summary>
    public static readonly string[] SharingLevels = ["owner", "authenticated", "organization", "public"];

    /// <summary>The values of <see cref="OpenIn"/>: the windows in which an app may open.</summary>
    public static readonly string[] Windows = ["slim-window", "tab"];

    public required Guid Id { get; init; }

    /// <summary>The app's name in URLs, unique among its agent's apps.</summary>
    public required string Slug { get; init; }

    public string DisplayName { get; init; } = "";

    public string Url { get; init; } = "";

    public bool External { get; init; }

    public string Command { get; init; } = "";

    public string Icon { get; init; } = "";

    public bool Subdomain { get; init; }

    /// <summary><c>owner</c>, <c>authenticated</c>, <c>organization</c> or <c>public</c>.</summary>
    public string SharingLevel { get; init; } = "owner";

    /// <summary>The URL of the agent's health check; empty: no health check.</summary>
    public string HealthcheckUrl { get; init; } = "";

    /// <summary>The seconds between two health checks.</summary>
    public int HealthcheckInterval { get; init; }

    /// <summary>The consecutive failures after which the app is unhealthy.</summary>
    public int HealthcheckThreshold { get; init; }

    /// <summary>One of <see cref="AppHealths"/>.</summary>
    public string Health { get; init; } = AppHealths.Disabled;

    public string Group { get; init; } = "";

    public bool Hidden { get; init; }

    /// <summary><c>slim-window</c> or <c>tab</c>.</summary>
    public string OpenIn { get; init; } = "slim-window";

    public string Tooltip { get; init; } = "";

    /// <summary>The statuses that the agent reported, newest first.</summary>
    public IReadOnlyList<AgentAppStatus> Statuses { get; init; } = [];
}

/// <summary>A status that an agent reported for an app. The state is one of <see cref="Apps.AppReports.States"/>.</summary>
internal sealed record AgentAppStatus(Guid Id, DateTimeOffset CreatedAt, string State, string Message, string Uri);

/// <summary>The values of an app's health.</summary>
internal static class AppHealths
{
    public const string Disabled = "disabled";
    public const string Initializing = "initializing";
    public const string Healthy = "healthy";
    public const string Unhealthy = "unhealthy";

    public static IReadOnlyList<string> All { get; } = [Disabled, Initializing, Healthy, Unhealthy];
}
