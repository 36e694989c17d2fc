namespace ControlPlane.Administration;

/// <summary>The body that makes an agent. Texts that are left out are empty.</summary>
internal sealed class CreateAgent
{
    /// <summary>A workspace's id, or <c>user/workspace</c>.</summary>
    public string Workspace { get; set; } = "";

    public string Name { get; set; } = "";

    public string Architecture { get; set; } = "";

    public string OperatingSystem { get; set; } = "";

    public string Directory { get; set; } = "";

    public string MotdFile { get; set; } = "";

    public string TroubleshootingUrl { get; set; } = "";

    /// <summary>After how many seconds without a first connection the agent counts as timed out; 0: never.</summary>
    public int ConnectionTimeoutSeconds { get; set; } = 120;

    public Dictionary<string, string> EnvironmentVariables { get; set; } = [];

    public List<string> DisplayApps { get; set; } = [];

    public List<DeclaredApp> Apps { get; set; } = [];

    public List<DeclaredScript> Scripts { get; set; } = [];

    public List<DeclaredDevcontainer> Devcontainers { get; set; } = [];

    public List<DeclaredMetadata> Metadata { get; set; } = [];

    public List<DeclaredResource> Resources { get; set; } = [];
}

/// <summary>What an agent has: the body that replaces it.</summary>
internal sealed class DeclarationsBody
{
    public List<DeclaredApp> Apps { get; set; } = [];

    public List<DeclaredScript> Scripts { get; set; } = [];

    public List<DeclaredDevcontainer> Devcontainers { get; set; } = [];

    public List<DeclaredMetadata> Metadata { get; set; } = [];

    public List<DeclaredResource> Resources { get; set; } = [];
}

/// <summary>An app of an agent. Without an id it keeps that of the agent's app of the same slug, or gets a new one.</summary>
internal sealed class DeclaredApp
{
    public Guid? Id { get; set; }

    public string Slug { get; set; } = "";

    public string DisplayName { get; set; } = "";

    public string Url { get; set; } = "";

    public bool External { get; set; }

    public string Command { get; set; } = "";

    public string Icon { get; set; } = "";

    public bool Subdomain { get; set; }

    /// <summary><c>owner</c>, <c>authenticated</c>, <c>organization</c> or <c>public</c>.</summary>
    public string SharingLevel { get; set; } = "owner";

    public string HealthcheckUrl { get; set; } = "";

    /// <summary>Seconds between two checks.</summary>
    public int HealthcheckInterval { get; set; }

    /// <summary>Failures in a row that make the app unhealthy.</summary>
    public int HealthcheckThreshold { get; set; }

    public string Group { get; set; } = "";

    public bool Hidden { get; set; }

    /// <summary><c>slim-window</c> or <c>tab</c>.</summary>
    public string OpenIn { get; set; } = "slim-window";

    public string Tooltip { get; set; } = "";
}

/// <summary>A script of an agent. Without an id it gets a new one.</summary>
internal sealed class DeclaredScript
{
    public Guid? Id { get; set; }

    public string DisplayName { get; set; } = "";

    public string Script { get; set; } = "";

    public Guid? LogSourceId { get; set; }

    public string LogPath { get; set; } = "";

    public string Cron { get; set; } = "";

    public bool RunOnStart { get; set; }

    public bool RunOnStop { get; set; }

    public bool StartBlocksLogin { get; set; }

    /// <summary>How long a run may take, in seconds; 0: as long as it likes.</summary>
    public long TimeoutSeconds { get; set; }
}

/// <summary>A development container of an agent. Without an id it gets a new one.</summary>
internal sealed class DeclaredDevcontainer
{
    public Guid? Id { get; set; }

    public string Name { get; set; } = "";

    public string WorkspaceFolder { get; set; } = "";

    public string ConfigPath { get; set; } = "";
}

/// <summary>A value that an agent collects by a script.</summary>
internal sealed class DeclaredMetadata
{
    public string Key { get; set; } = "";

    public string DisplayName { get; set; } = "";

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

    public bool Enabled { get; set; } = true;
}
