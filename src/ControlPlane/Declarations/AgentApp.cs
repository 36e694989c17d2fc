namespace ControlPlane.Declarations;

/// <summary>An app of an agent. The texts are empty where there is nothing to say.</summary>
internal sealed record AgentApp
{
    /// <summary>Who may open an app, from the fewest to the most.</summary>
    public static readonly string[] SharingLevels = ["owner", "authenticated", "organization", "public"];

    /// <summary>Where an app may be opened.</summary>
    public static readonly string[] Windows = ["slim-window", "tab"];

    public required Guid Id { get; init; }

    /// <summary>The app's name in URLs, one of a kind among its agent's apps.</summary>
    public required string Slug { get; init; }

    public string DisplayName { get; init; } = "";

    public string Url { get; init; } = "";

    public bool External { get; init; }

    public string Command { get; init; } = "";

    public string Icon { get; init; } = "";

    public bool Subdomain { get; init; }

    /// <summary><c>owner</c>, <c>authenticated</c>, <c>organization</c> or <c>public</c>.</summary>
    public string SharingLevel { get; init; } = "owner";

    /// <summary>What the agent asks to learn the app's health; empty: the health is not looked at.</summary>
    public string HealthcheckUrl { get; init; } = "";

    /// <summary>Seconds between two health checks.</summary>
    public int HealthcheckInterval { get; init; }

    /// <summary>Failures in a row that make the app unhealthy.</summary>
    public int HealthcheckThreshold { get; init; }

    /// <summary>One of <see cref="AppHealths"/>.</summary>
    public string Health { get; init; } = AppHealths.Disabled;

    public string Group { get; init; } = "";

    public bool Hidden { get; init; }

    /// <summary><c>slim-window</c> or <c>tab</c>.</summary>
    public string OpenIn { get; init; } = "slim-window";

    public string Tooltip { get; init; } = "";

    /// <summary>What the app's agent said of it, newest first.</summary>
    public IReadOnlyList<AgentAppStatus> Statuses { get; init; } = [];
}

/// <summary>What an agent said that one of its apps is doing; the state is one of <see cref="Apps.AppReports.States"/>.</summary>
internal sealed record AgentAppStatus(Guid Id, DateTimeOffset CreatedAt, string State, string Message, string Uri);

/// <summary>How an app can be.</summary>
internal static class AppHealths
{
    public const string Disabled = "disabled";
    public const string Initializing = "initializing";
    public const string Healthy = "healthy";
    public const string Unhealthy = "unhealthy";

    public static IReadOnlyList<string> All { get; } = [Disabled, Initializing, Healthy, Unhealthy];
}
