namespace ControlPlane.Administration;

/// <summary>The body that makes an agent. Texts that are left out are empty.</summary>
internal sealed class CreateAgent
{
    /// <summary>A workspace's id, or <c>user/workspace</c>.</summary>
    public string Workspace { get; set; } = "";

    /// <summary>Its name, one of a kind in the workspace: 1 to 64 letters, digits and single hyphens between them.</summary>
    public string Name { get; set; } = "";

    /// <summary>The machine's architecture, such as <c>amd64</c>.</summary>
    public string Architecture { get; set; } = "";

    /// <summary>The machine's operating system, such as <c>linux</c>.</summary>
    public string OperatingSystem { get; set; } = "";

    /// <summary>Where shells begin.</summary>
    public string Directory { get; set; } = "";

    /// <summary>A file whose text terminals show first.</summary>
    public string MotdFile { get; set; } = "";

    /// <summary>A page that helps when the agent does not connect.</summary>
    public string TroubleshootingUrl { get; set; } = "";

    /// <summary>After how many seconds without a first connection the agent counts as timed out; 0: never.</summary>
    public int ConnectionTimeoutSeconds { get; set; } = 120;

    /// <summary>What the agent sets for shells and scripts: values by names of letters, digits and underscores.</summary>
    public Dictionary<string, string> EnvironmentVariables { get; set; } = [];

    /// <summary>Which of the built-in apps are shown.</summary>
    public List<string> DisplayApps { get; set; } = [];

    /// <summary>Its apps, at most 256.</summary>
    public List<DeclaredApp> Apps { get; set; } = [];

    /// <summary>Its scripts, at most 256.</summary>
    public List<DeclaredScript> Scripts { get; set; } = [];

    /// <summary>Its development containers, at most 256.</summary>
    public List<DeclaredDevcontainer> Devcontainers { get; set; } = [];

    /// <summary>The values that it collects, at most 256.</summary>
    public List<DeclaredMetadata> Metadata { get; set; } = [];

    /// <summary>The memory and volumes of its machine that are watched, at most 256.</summary>
    public List<DeclaredResource> Resources { get; set; } = [];
}

/// <summary>What an agent has: the body that replaces it.</summary>
internal sealed class DeclarationsBody
{
    /// <summary>All its apps, at most 256.</summary>
    public List<DeclaredApp> Apps { get; set; } = [];

    /// <summary>All its scripts, at most 256.</summary>
    public List<DeclaredScript> Scripts { get; set; } = [];

    /// <summary>All its development containers, at most 256.</summary>
    public List<DeclaredDevcontainer> Devcontainers { get; set; } = [];

    /// <summary>All values that it collects, at most 256.</summary>
    public List<DeclaredMetadata> Metadata { get; set; } = [];

    /// <summary>All that is watched of its machine, at most 256.</summary>
    public List<DeclaredResource> Resources { get; set; } = [];
}

/// <summary>An app of an agent. Without an id it keeps that of the agent's app of the same slug, or gets a new one.</summary>
internal sealed class DeclaredApp
{
    /// <summary>The app's id; null: that of the agent's app of the same slug, or a new one.</summary>
    public Guid? Id { get; set; }

    /// <summary>
    /// Its name in URLs, one of a kind among its agent's apps: 1 to 64 lower-case letters, digits and single hyphens between them.
    /// </summary>
    public string Slug { get; set; } = "";

    /// <summary>What people call it.</summary>
    public string DisplayName { get; set; } = "";

    /// <summary>Where the agent reaches it, or for an external one where the user does.</summary>
    public string Url { get; set; } = "";

    /// <summary>Whether users go to its URL themselves.</summary>
    public bool External { get; set; }

    /// <summary>What a terminal runs for an app without a URL.</summary>
    public string Command { get; set; } = "";

    /// <summary>The icon's URL.</summary>
    public string Icon { get; set; } = "";

    /// <summary>Whether it is served under a host name of its own.</summary>
    public bool Subdomain { get; set; }

    /// <summary><c>owner</c>, <c>authenticated</c>, <c>organization</c> or <c>public</c>.</summary>
    public string SharingLevel { get; set; } = "owner";

    /// <summary>What the agent asks to learn the app's health; empty: its health is not looked at.</summary>
    public string HealthcheckUrl { get; set; } = "";

    /// <summary>Seconds between two checks.</summary>
    public int HealthcheckInterval { get; set; }

    /// <summary>Failures in a row that make the app unhealthy.</summary>
    public int HealthcheckThreshold { get; set; }

    /// <summary>Apps of one group are shown together.</summary>
    public string Group { get; set; } = "";

    /// <summary>Whether it is not shown.</summary>
    public bool Hidden { get; set; }

    /// <summary><c>slim-window</c> or <c>tab</c>.</summary>
    public string OpenIn { get; set; } = "slim-window";

    /// <summary>What is shown beside it, as Markdown.</summary>
    public string Tooltip { get; set; } = "";
}

/// <summary>A script of an agent. Without an id it gets a new one.</summary>
internal sealed class DeclaredScript
{
    /// <summary>The script's id; null: a new one.</summary>
    public Guid? Id { get; set; }

    /// <summary>What people call it.</summary>
    public string DisplayName { get; set; } = "";

    /// <summary>Its text, or a command: 1 to 262,144 characters.</summary>
    public string Script { get; set; } = "";

    /// <summary>The log source of its output; null: none in particular.</summary>
    public Guid? LogSourceId { get; set; }

    /// <summary>The file that its output goes to on the agent's machine.</summary>
    public string LogPath { get; set; } = "";

    /// <summary>When it runs by the clock, as a line of cron; empty: not.</summary>
    public string Cron { get; set; } = "";

    /// <summary>Whether it runs when the agent starts.</summary>
    public bool RunOnStart { get; set; }

    /// <summary>Whether it runs when the agent stops.</summary>
    public bool RunOnStop { get; set; }

    /// <summary>Whether logins wait for its run at start.</summary>
    public bool StartBlocksLogin { get; set; }

    /// <summary>How long a run may take, in seconds; 0: as long as it likes.</summary>
    public long TimeoutSeconds { get; set; }
}

/// <summary>A development container of an agent. Without an id it gets a new one.</summary>
internal sealed class DeclaredDevcontainer
{
    /// <summary>The development container's id; null: that of the same folder, or a new one.</summary>
    public Guid? Id { get; set; }

    /// <summary>Its name: 1 to 64 letters, digits and single hyphens between them.</summary>
    public string Name { get; set; } = "";

    /// <summary>The folder on the agent's machine that it is for.</summary>
    public string WorkspaceFolder { get; set; } = "";

    /// <summary>Its devcontainer.json; empty: where the tools look for it.</summary>
    public string ConfigPath { get; set; } = "";
}

/// <summary>A value that an agent collects by a script.</summary>
internal sealed class DeclaredMetadata
{
    /// <summary>The value's key, one of a kind: 1 to 128 letters, digits, hyphens, dots and underscores.</summary>
    public string Key { get; set; } = "";

    /// <summary>What people call it.</summary>
    public string DisplayName { get; set; } = "";

    /// <summary>What prints the value: 1 to 262,144 characters.</summary>
    public string Script { get; set; } = "";

    /// <summary>Seconds between two runs.</summary>
    public long Interval { get; set; }

    /// <summary>Seconds that a run may take; 0: the interval.</summary>
    public long Timeout { get; set; }
}

/// <summary>A resource of the agent's machine that is watched: the log says when it is over its threshold for a while, and when it is well again.</summary>
internal sealed class DeclaredResource
{
    /// <summary>Where a volume is mounted; empty for the memory.</summary>
    public string Path { get; set; } = "";

    /// <summary>Percent in use, from which on it is too much.</summary>
    public int Threshold { get; set; } = 80;

    /// <summary>Whether it is watched.</summary>
    public bool Enabled { get; set; } = true;
}
