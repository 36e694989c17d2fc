using System.Text.Json;
using ControlPlane.Apps;
using Tailnet.AgentMessages;
using Tailnet.Coordination;
using Tailnet.Drpc;

namespace ControlPlane.Tests;

public sealed class AppReportTests
{
    private const string HealthPath = "/api/v2/workspaceagents/me/app-health";
    private const string StatusPath = "/api/v2/workspaceagents/me/app-status";

    [Theory]
    [InlineData("healthy")]
    [InlineData("unhealthy")]
    [InlineData("disabled")]
    [InlineData("initializing")]
    public async Task AReportedHealthShowsInTheAgentAndTheManifest(string health)
    {
        await using var server = await DeclaredServerAsync();
        Assert.Equal("initializing", (await AppAsync(server, 0)).GetProperty("health").GetString());
        var answer = await HealthAsync(server, Declared.CheckedApp, health);
        Assert.Equal((200, "null\n"), (answer.Status, answer.Body));
        Assert.Equal(health, (await AppAsync(server, 0)).GetProperty("health").GetString());
        Assert.Equal(
            health,
            (await server.SendAsAgentAsync(HttpMethod.Get, "/api/v2/workspaceagents/me/manifest")).Json.GetProperty("apps")[0]
                .GetProperty("health").GetString());
        Assert.Equal("disabled", (await AppAsync(server, 1)).GetProperty("health").GetString());
    }

    [Fact]
    public async Task AHealthThatCannotBeSetIsRefusedWithAllThatCameWithIt()
    {
        await using var server = await DeclaredServerAsync();
        var unknown = Guid.NewGuid();
        foreach (var (id, health, status, detail) in new[]
        {
            (unknown, "healthy", 404, $"workspace app name {unknown} not found"),
            (Declared.PlainApp, "healthy", 404, $"health checking is disabled for workspace app {Declared.PlainApp}"),
            (Declared.CheckedApp, "ill", 400, "workspace app health ill is not a valid value"),
            (Declared.CheckedApp, "HEALTHY", 400, "workspace app health HEALTHY is not a valid value"),
        })
        {
            var healths = new Dictionary<Guid, string> { [Declared.CheckedApp] = "healthy", [id] = health };
            var answer = await server.SendAsAgentAsync(HttpMethod.Post, HealthPath, new { healths });
            Assert.Equal((status, "Error setting workspace app health", detail), (answer.Status, answer.Message, answer.Detail));
            Assert.Equal("initializing", (await AppAsync(server, 0)).GetProperty("health").GetString());
        }
    }

    [Theory]
    [InlineData("{}", "Health field is empty")]
    [InlineData("null", "Health field is empty")]
    [InlineData("{\"healths\":{}}", "Health field is empty")]
    [InlineData("{\"healths\":null}", "Health field is empty")]
    [InlineData("{\"healths\":[]}", "Validation failed.")]
    [InlineData("{\"healths\":{\"x\":\"healthy\"}}", "Validation failed.")]
    [InlineData("{\"healths\":{\"10000000-0000-4000-8000-000000000001\":1}}", "Validation failed.")]
    [InlineData("{\"healths\":{\"10000000-0000-4000-8000-000000000001\":null}}", "Error setting workspace app health")]
    [InlineData("", "Request body must be valid JSON.")]
    public async Task AHealthBodyThatIsNoneIs400(string body, string message)
    {
        await using var server = await DeclaredServerAsync();
        var answer = await server.SendAsAgentAsync(HttpMethod.Post, HealthPath, body);
        Assert.Equal((400, message), (answer.Status, answer.Message));
    }

    [Fact]
    public async Task TheAppsOfAnotherAgentAreNotThere()
    {
        await using var server = await DeclaredServerAsync();
        server.Execute("""
            INSERT INTO workspace_agents (id, workspace_id, resource_id, name, hashed_auth_token, created_at, updated_at)
            SELECT '50000000-0000-4000-8000-000000000001', workspace_id, resource_id, 'second', @hash, 0, 0 FROM workspace_agents;
            UPDATE agent_apps SET agent_id = '50000000-0000-4000-8000-000000000001';
            """);
        Assert.Equal(404, (await HealthAsync(server, Declared.CheckedApp, "healthy")).Status);
        Assert.Equal(400, (await StatusAsync(server, new { app_slug = "editor", state = "working", message = "" })).Status);
    }

    [Fact]
    public async Task StatusesShowInTheAgentNewestFirst()
    {
        await using var server = await DeclaredServerAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, MaxStatusesPerApp = 2 });
        foreach (var state in AppReports.States)
        {
            var answer = await StatusAsync(
                server,
                new
                {
                    app_slug = "editor",
                    state,
                    message = "at " + state,
                    uri = "https://x/" + state,
                    icon = "i",
                    needs_user_attention = true,
                });
            Assert.Equal((200, "null\n"), (answer.Status, answer.Body));
        }

        var statuses = (await AppAsync(server, 0)).GetProperty("statuses").EnumerateArray().ToList();
        Assert.Equal(["failure", "complete"], statuses.Select(static status => status.GetProperty("state").GetString()));
        Assert.Equal(
            ["id", "created_at", "workspace_id", "agent_id", "app_id", "state", "message", "uri", "icon", "needs_user_attention"],
            statuses[0].EnumerateObject().Select(static property => property.Name));
        Assert.Equal(
            ("at failure", "https://x/failure"),
            (statuses[0].GetProperty("message").GetString(), statuses[0].GetProperty("uri").GetString()));
        Assert.Equal(Declared.CheckedApp, statuses[0].GetProperty("app_id").GetGuid());
        Assert.Equal(server.Agent.Id, statuses[0].GetProperty("agent_id").GetGuid());
        Assert.Empty((await AppAsync(server, 1)).GetProperty("statuses").EnumerateArray());
    }

    [Fact]
    public async Task AStatusThatCannotBeIsRefused()
    {
        await using var server = await DeclaredServerAsync();
        foreach (var (body, message, detail) in new (object, string, string?)[]
        {
            (
                new { app_slug = "nothing", state = "working", message = "" },
                "Failed to get workspace app.",
                "No app found with slug \"nothing\""),
            (new { state = "working", message = "" }, "Failed to get workspace app.", "No app found with slug \"\""),
            (new { app_slug = "editor", state = "sleeping", message = "" }, "Invalid state provided.", "invalid state: \"sleeping\""),
            (new { app_slug = "editor", message = "" }, "Invalid state provided.", "invalid state: \"\""),
            (
                new { app_slug = "editor", state = "idle", message = new string('é', 81) },
                "Message is too long.",
                "Message must be less than 160 characters."),
            (new { app_slug = "editor", state = "idle", uri = new string('x', 2049) }, "Validation failed.", null),
            ("{\"app_slug\":1}", "Validation failed.", null),
            ("{\"needs_user_attention\":\"yes\"}", "Validation failed.", null),
            ("{\"app_slug\":1,}", "Request body must be valid JSON.", "Line 1, byte 14."),
        })
        {
            var answer = await StatusAsync(server, body);
            Assert.Equal((400, message, detail), (answer.Status, answer.Message, answer.Detail));
        }

        Assert.Equal(200, (await StatusAsync(server, new { app_slug = "editor", state = "idle", message = new string('é', 80) })).Status);
        Assert.Equal(1, server.Count("SELECT count(*) FROM agent_app_statuses"));
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData(" a \t\r\n b ", "a b")]
    [InlineData("<b onclick='x'>bold</b> 1 < 2 > 0", "bold 1 < 2 > 0")]
    [InlineData("\u001b[31mred\u001b[0m \u001b]0;title\u0007x", "red x")]
    [InlineData("\u001b]0;never ended", "")]
    [InlineData("a\0b\u200Bc\u202Ed", "abcd")]
    [InlineData("🦊 naïve", "🦊 naïve")]
    [InlineData("", "")]
    public void WhatIsShownToPeopleIsOnePrintableLine(string text, string shown) => Assert.Equal(shown, DisplayText.Of(text));

    [Fact]
    public async Task TheRpcsDoTheSame()
    {
        await using var server = await DeclaredServerAsync();
        await using var agent = await TailnetLink.RpcAsync(server);
        await HealthAsync(agent, Declared.CheckedApp, AppHealth.Unhealthy);
        Assert.Equal("unhealthy", (await AppAsync(server, 0)).GetProperty("health").GetString());
        foreach (var (id, health) in new[]
        {
            (Declared.PlainApp, AppHealth.Healthy), (Declared.CheckedApp, AppHealth.Unspecified), (Guid.NewGuid(), AppHealth.Healthy),
        })
        {
            await Assert.ThrowsAsync<DrpcException>(() => HealthAsync(agent, id, health));
        }

        await StatusAsync(agent, "editor", UpdateAppStatusRequest.Types.AppStatusState.Complete, "done");
        Assert.Equal("done", (await AppAsync(server, 0)).GetProperty("statuses")[0].GetProperty("message").GetString());
        await Assert.ThrowsAsync<DrpcException>(() => StatusAsync(agent, "nothing", UpdateAppStatusRequest.Types.AppStatusState.Idle, ""));
        await Assert.ThrowsAsync<DrpcException>(() => StatusAsync(agent, "editor", (UpdateAppStatusRequest.Types.AppStatusState)77, ""));
        await Assert.ThrowsAsync<DrpcException>(
            () => StatusAsync(agent, "editor", UpdateAppStatusRequest.Types.AppStatusState.Idle, new string('x', 161)));
    }

    private static async Task<ApiServer> DeclaredServerAsync(Func<string, ControlPlaneOptions>? options = null)
    {
        var server = await ApiServer.StartAsync(options);
        await server.DeclareAsync(Declared.Everything);
        return server;
    }

    private static Task<Answer> HealthAsync(ApiServer server, Guid app, string health) =>
        server.SendAsAgentAsync(HttpMethod.Post, HealthPath, new { healths = new Dictionary<Guid, string> { [app] = health } });

    private static Task<Answer> StatusAsync(ApiServer server, object body) => server.SendAsAgentAsync(HttpMethod.Patch, StatusPath, body);

    private static async Task<JsonElement> AppAsync(ApiServer server, int index) =>
        (await server.GetAsUserAsync(server.AgentPath)).Json.GetProperty("apps")[index];

    private static Task<BatchUpdateAppHealthResponse> HealthAsync(TailnetLink link, Guid app, AppHealth health) => link.UnaryAsync(
        TailnetLink.Agent + "BatchUpdateAppHealths",
        new BatchUpdateAppHealthRequest
        {
            Updates = { new BatchUpdateAppHealthRequest.Types.HealthUpdate { Id = PeerIds.Write(app), Health = health } },
        },
        BatchUpdateAppHealthResponse.Parser);

    private static Task<UpdateAppStatusResponse> StatusAsync(
        TailnetLink link, string slug, UpdateAppStatusRequest.Types.AppStatusState state, string message) =>
        link.UnaryAsync(
            TailnetLink.Agent + "UpdateAppStatus",
            new UpdateAppStatusRequest { Slug = slug, State = state, Message = message },
            UpdateAppStatusResponse.Parser);
}
