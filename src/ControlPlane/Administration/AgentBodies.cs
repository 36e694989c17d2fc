namespace ControlPlane.Administration;

/// <summary>The body that creates an agent. A missing text is empty.</summary>
internal sealed class CreateAgent
{
    /// <summary>The workspace's id, or <c>user/workspace</c>.</summary>
    public string Workspace { get; set; } = "";

    /// <summary>The name, unique in the workspace: 1 to 64 letters, digits and single hyphens between them.</summary>
    public string Name { get; set; } = "";

    /// <summary>The machine's architecture, such as <c>amd64</c>.</summary>
    public string Architecture { get; set; } = "";

    /// <summary>The machine's operating system, such as <c>linux</c>.</summary>
    public string OperatingSystem { get; set; } = "";

    /// <summary>The working directory of shells.</summary>
    public string Directory { get; set; } = "";

    /// <summary>The file with the message of the day, which terminals show first.</summary>
    public string MotdFile { get; set; } = "";

    /// <summary>The URL of a page with help for an agent that does not connect.</summary>
    public string TroubleshootingUrl { get; set; } = "";

    /// <summary>The seconds without a first connection after which the agent's status is <c>timeout</c>; 0: never.</summary>
    public int ConnectionTimeoutSeconds { get; set; } = 120;

    /// <summary>The environment variables of shells and scripts. Names consist of letters, digits and underscores.</summary>
    public Dictionary<string, string> EnvironmentVariables { get; set; } = [];

    /// <summary>The built-in apps that are shown.</summary>
    public List<string> DisplayApps { get; set; } = [];

    /// <summary>The apps, at most 256.</summary>
    public List<DeclaredApp> Apps { get; set; } = [];

    /// <summary>The scripts, at most 256.</summary>
    public List<DeclaredScript> Scripts { get; set; } = [];

    /// <summary>The development containers, at most 256.</summary>
    public List<DeclaredDevcontainer> Devcontainers { get; set; } = [];

    /// <summary>The metadata that the agent collects, at most 256 values.</summary>
    public List<DeclaredMetadata> Metadata { get; set; } = [];

    /// <summary>The monitored resources of the agent's machine, at most 256.</summary>
    public List<DeclaredResource> Resources { get; set; } = [];
}

/// <summary>The declarations of an agent; the body replaces them all.</summary>
internal sealed class DeclarationsBody
{
    /// <summary>All apps, at most 256.</summary>
    public List<DeclaredApp> Apps { get; set; } = [];

    /// <summary>All scripts, at most 256.</summary>
    public List<DeclaredScript> Scripts { get; set; } = [];

    /// <summary>All development containers, at most 256.</summary>
    public List<DeclaredDevcontainer> Devcontainers { get; set; } = [];

    /// <summary>All metadata that the agent collects, at most 256 values.</summary>
    public List<DeclaredMetadata> Metadata { get; set; } = [];

    /// <summary>All monitored resources of the agent's machine, at most 256.</summary>
    public List<DeclaredResource> Resources { get; set; } = [];
}

/// <summary>An app of an agent.</summary>
internal sealed class DeclaredApp
{
    /// <summary>The app's id. If null, the app keeps the id of the agent's app with the same slug, or gets a new one.</summary>
    public Guid? Id { get; set; }

    /// <summary>
    /// The name in URLs, unique among the agent's apps: 1 to 64 lower-case letters, digits and single hyphens between them.
    /// </summary>
    public string Slug { get; set; } = "";

    /// <summary>The display name.</summary>
    public string DisplayName { get; set; } = "";

    /// <summary>The URL at which the agent reaches the app, or for an external app the user.</summary>
    public string Url { get; set; } = "";

    /// <summary>Whether the user's browser opens the URL directly.</summary>
    public bool External { get; set; }

    /// <summary>The command that a terminal runs, for an app without a URL.</summary>
    public string Command { get; set; } = "";

    /// <summary>The icon's URL.</summary>
    public string Icon { get; set; } = "";

    /// <summary>Whether the app has a host name of its own.</summary>
    public bool Subdomain { get; set; }

    /// <summary><c>owner</c>, <c>authenticated</c>, <c>organization</c> or <c>public</c>.</summary>
    public string SharingLevel { get; set; } = "owner";

    /// <summary>The URL of the agent's health check; empty: no health check.</summary>
    public string HealthcheckUrl { get; set; } = "";

    /// <summary>The seconds between two health checks.</summary>
    public int HealthcheckInterval { get; set; }

    /// <summary>The consecutive failures after which the app is unhealthy.</summary>
    public int HealthcheckThreshold { get; set; }

    /// <summary>The group with which the app is shown.</summary>
    public string Group { get; set; } = "";

    /// <summary>Whether the app is hidden.</summary>
    public bool Hidden { get; set; }

    /// <summary><c>slim-window</c> or <c>tab</c>.</summary>
    public string OpenIn { get; set; } = "slim-window";

    /// <summary>The tooltip, in Markdown.</summary>
    public string Tooltip { get; set; } = "";
}

/// <summary>A script of an agent.</summary>
internal sealed class DeclaredScript
{
    /// <summary>The script's id. If null, the script gets a new one.</summary>
    public Guid? Id { get; set; }

    /// <summary>The display name.</summary>
    public string DisplayName { get; set; } = "";

    /// <summary>The script's text, or a command: 1 to 262,144 characters.</summary>
    public string Script { get; set; } = "";

    /// <summary>The log source of the output; null for none.</summary>
    public Guid? LogSourceId { get; set; }

    /// <summary>The log file of the output, on the agent's machine.</summary>
    public string LogPath { get; set; } = "";

    /// <summary>The cron expression of scheduled runs; empty: none.</summary>
    public string Cron { get; set; } = "";

    /// <summary>Whether the script runs when the agent starts.</summary>
    public bool RunOnStart { get; set; }

    /// <summary>Whether the script runs when the agent stops.</summary>
    public bool RunOnStop { get; set; }

    /// <summary>Whether logins wait until the script's run at start has ended.</summary>
    public bool StartBlocksLogin { get; set; }

    /// <summary>The timeout of a run, in seconds; 0: none.</summary>
    public long TimeoutSeconds { get; set; }
}

/// <summary>A development container of an agent.</summary>
internal sealed class DeclaredDevcontainer
{
    /// <summary>The id. If null, the development container keeps the id of the one with the same folder, or gets a new one.</summary>
    public Guid? Id { get; set; }

    /// <summary>The name: 1 to 64 letters, digits and single hyphens between them.</summary>
    public string Name { get; set; } = "";

    /// <summary>The workspace folder on the agent's machine.</summary>
    public string WorkspaceFolder { get; set; } = "";

    /// <summary>The path of devcontainer.json; empty: the default paths of the Dev Container tools.</summary>
    public string ConfigPath { get; set; } = "";
}

/// <summary>A metadata value that an agent collects with a script.</summary>
internal sealed class DeclaredMetadata
{
    /// <summary>The unique key: 1 to 128 letters, digits, hyphens, dots and underscores.</summary>
    public string Key { get; set; } = "";

    /// <summary>The display name.</summary>
    public string DisplayName { get; set; } = "";

    /// <summary>The script that prints the value: 1 to 262,144 characters.</summary>
    public string Script { get; set; } = "";

    /// <summary>The seconds between two runs.</summary>
    public long Interval { get; set; }

    /// <summary>The timeout of a run, in seconds; 0: the interval.</summary>
    public long Timeout { get; set; }
}

/// <summary>
/// A monitored resource of the agent's machine. The server logs when its usage has stayed above the threshold, and when it is below again.
/// </summary>
internal sealed class DeclaredResource
{
    /// <summary>The mount point of a volume; empty for the memory.</summary>
    public string Path { get; set; } = "";

    /// <summary>The threshold of the usage, in percent.</summary>
    public int Threshold { get; set; } = 80;

    /// <summary>Whether the resource is monitored.</summary>
    public bool Enabled { get; set; } = true;
}
