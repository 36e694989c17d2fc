using System.Data.Common;
using System.Text.Json;
using ControlPlane.Declarations;
using ControlPlane.ExternalAuth;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;
using Tailnet.AgentMessages;
using Tailnet.Coordination;
using Tailnet.Drpc;

namespace ControlPlane.Tests;

public sealed class ManifestTests
{
    private const string Me = "/api/v2/workspaceagents/me/";

    // What the documents S3 (manifest) and S4 (metadata) show, and what today's agents are told beside that.
    private static readonly string[] Fields =
    [
        "agent_id", "agent_name", "apps", "derp_force_websockets", "derpmap", "devcontainers", "directory", "disable_direct_connections",
        "environment_variables", "git_auth_configs", "metadata", "motd_file", "owner_name", "parent_id", "scripts", "startup_script",
        "startup_script_timeout", "vscode_port_proxy_uri", "workspace_id", "workspace_name",
    ];

    [Fact]
    public async Task TheManifestHasTheFieldsOfAllDocumentsUnderBothNames()
    {
        await using var server = await ApiServer.StartAsync(static directory => new ControlPlaneOptions
        {
            DataDirectory = directory,
            PublicUrl = new Uri("http://coder.example:8080"),
            ExternalAuth = [Provider("a"), Provider("b")],
            DerpMap = new() { ForceWebSockets = true, BlockDirect = true },
        });
        await server.DeclareAsync(Declared.Everything);
        server.Execute(
            """UPDATE workspace_agents SET directory = '/home/x', motd_file = '/etc/motd', environment_variables = '{"A":"b"}'""");
        var answer = await server.SendAsAgentAsync(HttpMethod.Get, Me + "manifest");
        Assert.Equal(200, answer.Status);
        Assert.Equal(answer.Body, (await server.SendAsAgentAsync(HttpMethod.Get, Me + "metadata")).Body);

        var manifest = answer.Json;
        Assert.Equal(Fields, manifest.EnumerateObject().Select(static property => property.Name).Order(StringComparer.Ordinal));
        Assert.Equal(server.Agent.Id, manifest.GetProperty("agent_id").GetGuid());
        Assert.Equal(("main", "admin", "default"), (answer.Text("agent_name"), answer.Text("owner_name"), answer.Text("workspace_name")));
        Assert.Equal(
            ("/home/x", "/etc/motd", "#!/bin/sh\necho hi"),
            (answer.Text("directory"), answer.Text("motd_file"), answer.Text("startup_script")));
        Assert.Equal("""{"A":"b"}""", manifest.GetProperty("environment_variables").GetRawText());
        Assert.Equal(90_000_000_000, manifest.GetProperty("startup_script_timeout").GetInt64());
        Assert.Equal(2, manifest.GetProperty("git_auth_configs").GetInt32());
        Assert.True(manifest.GetProperty("derp_force_websockets").GetBoolean());
        Assert.True(manifest.GetProperty("disable_direct_connections").GetBoolean());
        Assert.Equal(
            8080,
            manifest.GetProperty("derpmap").GetProperty("Regions").GetProperty("999")
                .GetProperty("Nodes")[0].GetProperty("DERPPort").GetInt32());
        Assert.Equal(
            """[{"key":"load","display_name":"Load","script":"uptime","interval":10,"timeout":2}]""",
            manifest.GetProperty("metadata").GetRawText());
        Assert.Equal(
            $$"""[{"id":"{{Declared.Container}}","name":"dev","workspace_folder":"/work","config_path":"/work/"""
                + """.devcontainer/devcontainer.json"}]""",
            manifest.GetProperty("devcontainers").GetRawText());
    }

    [Fact]
    public async Task TheAgentShowsItsAppsAndScripts()
    {
        await using var server = await ApiServer.StartAsync();
        await server.DeclareAsync(Declared.Everything);
        var agent = (await server.GetAsUserAsync(server.AgentPath)).Json;
        Assert.Equal(
            $$$"""{"id":"{{{Declared.CheckedApp}}}","url":"http://localhost:1","external":false,"slug":"editor","display_name":"Editor """
                + """\u003c1\u003e","command":"run","icon":"/i.svg","subdomain":true,"subdomain_name":"editor--main--default--"""
                + """admin","sharing_level":"organization","healthcheck":"""
                + """{"url":"http://localhost:1/healthz","interval":5,"threshold":3},"health":"initializing","group":"tools","hidden":"""
                + """false,"open_in":"tab","tooltip":"tip","statuses":[]}""",
            agent.GetProperty("apps")[0].GetRawText());
        Assert.Equal(
            $$$"""{"id":"{{{Declared.PlainApp}}}","url":"","external":true,"slug":"site","display_name":"","subdomain":"""
                + """false,"sharing_level":"owner","healthcheck":{"url":"","interval":0,"threshold":0},"health":"disabled","hidden":"""
                + """true,"open_in":"slim-window","statuses":[]}""",
            agent.GetProperty("apps")[1].GetRawText());
        Assert.Equal(
            $$"""{"id":"{{Declared.StartScript}}","log_source_id":"{{Declared.LogSource}}","log_path":"/tmp/"""
                + """x.log","script":"#!/bin/sh\necho hi","cron":"","run_on_start":true,"run_on_stop":false,"start_blocks_login":"""
                + """true,"timeout":90000000000,"display_name":"Startup"}""",
            agent.GetProperty("scripts")[1].GetRawText());
        Assert.Equal(
            ("blocking", false),
            (agent.GetProperty("startup_script_behavior").GetString(), agent.GetProperty("login_before_ready").GetBoolean()));
        Assert.Equal(
            (90, "#!/bin/sh\necho hi"),
            (agent.GetProperty("startup_script_timeout_seconds").GetInt32(), agent.GetProperty("startup_script").GetString()));
    }

    [Fact]
    public async Task TheRpcSaysTheSame()
    {
        await using var server = await ApiServer.StartAsync(static directory =>
            new ControlPlaneOptions { DataDirectory = directory, ExternalAuth = [Provider("a"), Provider("b"), Provider("c")] });
        await server.DeclareAsync(Declared.Everything);
        await using var link = await TailnetLink.RpcAsync(server);
        var manifest = await link.UnaryAsync(TailnetLink.Agent + "GetManifest", new GetManifestRequest(), Manifest.Parser);

        Assert.Equal(3u, manifest.GitAuthConfigs);
        var app = manifest.Apps[0];
        Assert.Equal((PeerIds.Write(Declared.CheckedApp), "editor", "editor--main--default--admin"), (app.Id, app.Slug, app.SubdomainName));
        Assert.Equal(
            (WorkspaceApp.Types.SharingLevel.Organization, WorkspaceApp.Types.Health.Initializing),
            (app.SharingLevel, app.Health));
        Assert.Equal(
            (5L, 3, "http://localhost:1/healthz"),
            (app.Healthcheck.Interval.Seconds, app.Healthcheck.Threshold, app.Healthcheck.Url));
        Assert.Equal((true, true), (manifest.Apps[1].External, manifest.Apps[1].Hidden));
        Assert.Equal(
            ("Startup", 90L, true),
            (manifest.Scripts[1].DisplayName, manifest.Scripts[1].Timeout.Seconds, manifest.Scripts[1].StartBlocksLogin));
        Assert.Equal((PeerIds.Write(Declared.LogSource), "0 0 * * *"), (manifest.Scripts[1].LogSourceId, manifest.Scripts[0].Cron));
        var container = Assert.Single(manifest.Devcontainers);
        Assert.Equal(("dev", "/work", false), (container.Name, container.WorkspaceFolder, container.HasSubagentId));

        // Agents take the nanoseconds of these two as seconds.
        var metadata = Assert.Single(manifest.Metadata);
        Assert.Equal(
            ("load", new Duration { Nanos = 10 }, new Duration { Nanos = 2 }),
            (metadata.Key, metadata.Interval, metadata.Timeout));
    }

    [Fact]
    public async Task TheRunOfAScriptShowsInTheAgent()
    {
        await using var server = await ApiServer.StartAsync();
        await server.DeclareAsync(Declared.Everything);
        await using var link = await TailnetLink.RpcAsync(server);
        await CompleteAsync(link, Declared.StartScript, Timing.Types.Stage.Start, Timing.Types.Status.Ok, 0);
        await CompleteAsync(link, Declared.StartScript, Timing.Types.Stage.Start, Timing.Types.Status.ExitFailure, 7);
        await CompleteAsync(link, Declared.StartScript, Timing.Types.Stage.Cron, Timing.Types.Status.TimedOut, 255);
        await CompleteAsync(link, Declared.StopScript, Timing.Types.Stage.Stop, Timing.Types.Status.PipesLeftOpen, 1);
        var scripts = (await server.GetAsUserAsync(server.AgentPath)).Json.GetProperty("scripts");
        Assert.Equal((7, "exit_failure"), (scripts[1].GetProperty("exit_code").GetInt32(), scripts[1].GetProperty("status").GetString()));
        Assert.False(scripts[0].TryGetProperty("status", out _));
        Assert.Equal(3, server.Count("SELECT count(*) FROM agent_script_runs"));
        await Assert.ThrowsAsync<DrpcException>(
            () => CompleteAsync(link, Guid.NewGuid(), Timing.Types.Stage.Start, Timing.Types.Status.Ok, 0));
        await Assert.ThrowsAsync<DrpcException>(
            () => CompleteAsync(link, Declared.StartScript, (Timing.Types.Stage)9, Timing.Types.Status.Ok, 0));
        await Assert.ThrowsAsync<DrpcException>(
            () => CompleteAsync(link, Declared.StartScript, Timing.Types.Stage.Start, (Timing.Types.Status)9, 0));
    }

    [Fact]
    public async Task NewDeclarationsKeepWhatWasReportedOfWhatStays()
    {
        await using var server = await ApiServer.StartAsync();
        await server.DeclareAsync(Declared.Everything);
        server.Execute("UPDATE agent_apps SET health = 'healthy' WHERE slug = 'editor'");
        var (editor, site) = (Declared.Everything.Apps[0], Declared.Everything.Apps[1]);

        // The two apps swap their slugs and their order.
        await server.DeclareAsync(new AgentDeclarations { Apps = [site with { Slug = "editor" }, editor with { Slug = "site" }] });
        var agent = (await server.GetAsUserAsync(server.AgentPath)).Json;
        Assert.Equal(
            ["editor", "site"],
            agent.GetProperty("apps").EnumerateArray().Select(static app => app.GetProperty("slug").GetString()));
        Assert.Equal(
            ["disabled", "healthy"],
            agent.GetProperty("apps").EnumerateArray().Select(static app => app.GetProperty("health").GetString()));
        Assert.Equal(JsonValueKind.Array, agent.GetProperty("scripts").ValueKind);
        Assert.Equal(0, agent.GetProperty("scripts").GetArrayLength());
        Assert.Equal("non-blocking", agent.GetProperty("startup_script_behavior").GetString());

        // A new health check URL resets the health.
        await server.DeclareAsync(new AgentDeclarations { Apps = [editor with { HealthcheckUrl = "http://localhost:2" }] });
        Assert.Equal(
            "initializing",
            (await server.GetAsUserAsync(server.AgentPath)).Json.GetProperty("apps")[0].GetProperty("health").GetString());
    }

    [Fact]
    public async Task DeclarationsThatCannotBeChangeNothing()
    {
        await using var server = await ApiServer.StartAsync();
        await server.DeclareAsync(Declared.Everything);
        var store = server.Services.GetRequiredService<DeclarationStore>();
        Assert.False(await store.ReplaceAsync(Guid.NewGuid(), new AgentDeclarations(), TestContext.Current.CancellationToken));
        var app = Declared.Everything.Apps[0];
        foreach (var apps in new AgentApp[][]
        {
            [app, app with { Id = Guid.NewGuid() }],
            [app with { SharingLevel = "everybody" }],
            [app with { OpenIn = "window" }],
        })
        {
            await Assert.ThrowsAnyAsync<DbException>(
                () => store.ReplaceAsync(server.Agent.Id, new AgentDeclarations { Apps = apps }, TestContext.Current.CancellationToken));
        }

        server.Execute("""
            INSERT INTO workspace_agents (id, workspace_id, resource_id, name, hashed_auth_token, created_at, updated_at)
            SELECT '50000000-0000-4000-8000-000000000001', workspace_id, resource_id, 'second', @hash, 0, 0 FROM workspace_agents
            """);
        await Assert.ThrowsAnyAsync<DbException>(() => store.ReplaceAsync(
            new Guid("50000000-0000-4000-8000-000000000001"), Declared.Everything, TestContext.Current.CancellationToken));
        Assert.Equal(2, (await server.GetAsUserAsync(server.AgentPath)).Json.GetProperty("apps").GetArrayLength());
    }

    private static Task<WorkspaceAgentScriptCompletedResponse> CompleteAsync(
        TailnetLink link, Guid script, Timing.Types.Stage stage, Timing.Types.Status status, int exitCode) =>
        link.UnaryAsync(
            TailnetLink.Agent + "ScriptCompleted",
            new WorkspaceAgentScriptCompletedRequest
            {
                Timing = new Timing
                {
                    ScriptId = PeerIds.Write(script),
                    Start = new Timestamp { Seconds = 1 },
                    End = new Timestamp { Seconds = 2 },
                    Stage = stage,
                    Status = status,
                    ExitCode = exitCode,
                },
            },
            WorkspaceAgentScriptCompletedResponse.Parser);

    private static ExternalAuthProvider Provider(string id) =>
        new() { Id = id, Type = "github", LinkUrl = new Uri("https://link.example/" + id) };
}
