using ControlPlane.Declarations;

namespace ControlPlane.Tests;

/// <summary>An agent with one of everything.</summary>
internal static class Declared
{
    public static readonly Guid CheckedApp = new("10000000-0000-4000-8000-000000000001");
    public static readonly Guid PlainApp = new("10000000-0000-4000-8000-000000000002");
    public static readonly Guid StartScript = new("20000000-0000-4000-8000-000000000001");
    public static readonly Guid StopScript = new("20000000-0000-4000-8000-000000000002");
    public static readonly Guid Container = new("30000000-0000-4000-8000-000000000001");
    public static readonly Guid LogSource = new("40000000-0000-4000-8000-000000000001");

    public static AgentDeclarations Everything { get; } = new()
    {
        Apps =
        [
            new AgentApp
            {
                Id = CheckedApp,
                Slug = "editor",
                DisplayName = "Editor <1>",
                Url = "http://localhost:1",
                Command = "run",
                Icon = "/i.svg",
                Subdomain = true,
                SharingLevel = "organization",
                HealthcheckUrl = "http://localhost:1/healthz",
                HealthcheckInterval = 5,
                HealthcheckThreshold = 3,
                Group = "tools",
                OpenIn = "tab",
                Tooltip = "tip",
            },
            new AgentApp { Id = PlainApp, Slug = "site", External = true, Hidden = true },
        ],
        Scripts =
        [
            new AgentScript { Id = StopScript, Script = "bye", RunOnStop = true, Cron = "0 0 * * *" },
            new AgentScript
            {
                Id = StartScript,
                LogSourceId = LogSource,
                LogPath = "/tmp/x.log",
                Script = "#!/bin/sh\necho hi",
                RunOnStart = true,
                StartBlocksLogin = true,
                Timeout = TimeSpan.FromSeconds(90),
                DisplayName = "Startup",
            },
        ],
        Devcontainers = [new AgentDevcontainer(Container, "dev", "/work", "/work/.devcontainer/devcontainer.json", null)],
        Metadata = [new MetadataDescription("load", "Load", "uptime", 10, 2)],
    };
}
