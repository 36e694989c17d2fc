using System.Net.WebSockets;
using ControlPlane.Coordination;
using ControlPlane.ExternalAuth;
using ControlPlane.Reinit;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests.Administration;

public sealed class AdministrationTests
{
    private const string Manifest = "/api/v2/workspaceagents/me/manifest";
    private static readonly string[] OneDisplayApp = ["vscode"];
    private static readonly (WebSocketCloseStatus?, string?) Withdrawn = (WebSocketCloseStatus.PolicyViolation, "access was withdrawn");

    [Fact]
    public async Task AUserIsMadeAndListedOnce()
    {
        await using var admin = await AdminListener.StartAsync();

        var made = await admin.PostAsync("/users", new { username = "Ann", name = "Ann <a>", email = "a@b.example" });
        var again = await admin.PostAsync("/users", new { username = "ann" });
        var list = await admin.GetAsync("/users");

        Assert.Equal((201, 409), (made.Status, again.Status));
        Assert.Equal(
            ["admin", "Ann"],
            list.Json.GetProperty("users").EnumerateArray().Select(static user => user.GetProperty("username").GetString()!));
        Assert.Equal(2, list.Json.GetProperty("count").GetInt64());
        Assert.Equal(made.Body, (await admin.GetAsync("/users/ANN")).Body);
        Assert.Equal(made.Body, (await admin.GetAsync("/users/" + made.Text("id"))).Body);
        Assert.Equal(
            1,
            admin.Server.Count("SELECT count(*) FROM organization_members JOIN users ON users.id = user_id WHERE username = 'Ann'"));
    }

    [Fact]
    public async Task AListComesInPages()
    {
        await using var admin = await AdminListener.StartAsync();
        foreach (var name in new[] { "b", "c", "d" })
        {
            await admin.PostAsync("/users", new { username = name });
        }

        var page = await admin.GetAsync("/users?limit=2&offset=1");

        Assert.Equal(
            ["b", "c"],
            page.Json.GetProperty("users").EnumerateArray().Select(static user => user.GetProperty("username").GetString()!));
        Assert.Equal(4, page.Json.GetProperty("count").GetInt64());
        foreach (var wrong in new[] { "limit=0", "limit=1001", "limit=x", "offset=-1", "offset=99999999999" })
        {
            Assert.Equal(400, (await admin.GetAsync("/users?" + wrong)).Status);
        }
    }

    [Fact]
    public async Task ASuspendedUserIsOutUntilItIsActiveAgain()
    {
        await using var admin = await AdminListener.StartAsync();
        await admin.PostAsync("/users", new { username = "ann" });
        var token = (await admin.PostAsync("/users/ann/tokens")).Text("token");
        async Task<int> Me() => (await admin.Server.GetAsync("/api/v2/users/me", token)).Status;

        Assert.Equal(200, (await admin.SendAsync(HttpMethod.Patch, "/users/ann", new { status = "suspended" })).Status);
        Assert.Equal(401, await Me());
        Assert.Equal("active", (await admin.SendAsync(HttpMethod.Patch, "/users/ann", new { status = "active" })).Text("status"));
        Assert.Equal(200, await Me());
    }

    [Fact]
    public async Task TheLastAdministratorIsNeitherDeletedNorSuspended()
    {
        await using var admin = await AdminListener.StartAsync();
        await admin.PostAsync("/users", new { username = "ann" });
        var deleted = await admin.DeleteAsync("/users/admin?with_workspaces=true");
        var suspended = await admin.SendAsync(HttpMethod.Patch, "/users/admin", new { status = "suspended" });
        Assert.Equal((409, "The last administrator cannot be deleted."), (deleted.Status, deleted.Message));
        Assert.Equal((409, "The last administrator cannot be suspended."), (suspended.Status, suspended.Message));
        Assert.Contains("owner", deleted.Detail, StringComparison.Ordinal);
        Assert.Equal(200, (await admin.Server.GetAsUserAsync(admin.Server.AgentPath)).Status);
        Assert.Equal(200, (await admin.SendAsync(HttpMethod.Patch, "/users/admin", new { name = "A", status = "active" })).Status);

        // A suspended owner does not count as another owner; an active one does.
        admin.Server.Execute("INSERT INTO user_roles (user_id, role) SELECT id, 'owner' FROM users WHERE username = 'ann'");
        await admin.SendAsync(HttpMethod.Patch, "/users/ann", new { status = "suspended" });
        Assert.Equal(409, (await admin.DeleteAsync("/users/admin?with_workspaces=true")).Status);
        await admin.SendAsync(HttpMethod.Patch, "/users/ann", new { status = "active" });
        Assert.Equal(204, (await admin.DeleteAsync("/users/admin?with_workspaces=true")).Status);
        Assert.Equal(409, (await admin.SendAsync(HttpMethod.Patch, "/users/ann", new { status = "suspended" })).Status);
    }

    [Fact]
    public async Task ATokenWorksUntilItIsRotatedAndTheNextOneUntilItIsDeleted()
    {
        await using var admin = await AdminListener.StartAsync();
        async Task<int> Me(string token) => (await admin.Server.GetAsync("/api/v2/users/me", token)).Status;
        await admin.PostAsync("/users", new { username = "ann" });

        var made = await admin.PostAsync("/users/ann/tokens", new { lifetime_seconds = 60 });
        var (id, first) = (made.Text("id")!, made.Text("token")!);
        Assert.Equal((201, 200), (made.Status, await Me(first)));

        var rotated = await admin.PostAsync($"/users/ann/tokens/{id}/rotate");
        var second = rotated.Text("token")!;
        Assert.Equal((401, 200), (await Me(first), await Me(second)));
        Assert.Equal(made.Text("expires_at"), rotated.Text("expires_at"));

        var list = await admin.GetAsync("/users/ann/tokens");
        Assert.Contains(id, list.Body, StringComparison.Ordinal);
        Assert.DoesNotContain(second.Split('-')[1], list.Body, StringComparison.Ordinal);

        Assert.Equal(404, (await admin.DeleteAsync($"/users/admin/tokens/{id}")).Status);
        Assert.Equal(204, (await admin.DeleteAsync($"/users/ann/tokens/{id}")).Status);
        Assert.Equal((401, 404), (await Me(second), (await admin.DeleteAsync($"/users/ann/tokens/{id}")).Status));
    }

    [Fact]
    public async Task AUserGoesWithItsWorkspacesOnlyWhenToldSoAndTheLastNever()
    {
        await using var admin = await AdminListener.StartAsync();
        await admin.PostAsync("/users", new { username = "ann" });
        await admin.PostAsync("/workspaces", new { owner = "ann", name = "dev" });
        var agent = await admin.PostAsync("/agents", new { workspace = "ann/dev", name = "main" });

        Assert.Equal(409, (await admin.DeleteAsync("/users/ann")).Status);
        Assert.Equal(200, (await admin.Server.GetAsync(Manifest, agent.Text("auth_token"))).Status);
        Assert.Equal(204, (await admin.DeleteAsync("/users/ann?with_workspaces=true")).Status);
        Assert.Equal(401, (await admin.Server.GetAsync(Manifest, agent.Text("auth_token"))).Status);
        Assert.Equal(409, (await admin.DeleteAsync("/users/admin?with_workspaces=true")).Status);
    }

    [Fact]
    public async Task AWorkspaceIsMadeRenamedAndDeletedAndItsOwnersWatchersHearOfIt()
    {
        await using var admin = await AdminListener.StartAsync();
        var owner = Guid.Parse((await admin.GetAsync("/users/admin")).Text("id")!);
        var signals = admin.Server.Services.GetRequiredService<WorkspaceSignals>();
        async Task HeardAsync(Task signal) => await signal.WaitAsync(ApiServer.Patience, TestContext.Current.CancellationToken);

        var heard = signals.Next(owner);
        var made = await admin.PostAsync("/workspaces", new { owner = "admin", name = "dev" });
        await HeardAsync(heard);
        heard = signals.Next(owner);
        var renamed = await admin.SendAsync(HttpMethod.Patch, "/workspaces/admin%2Fdev", new { name = "work" });
        await HeardAsync(heard);
        heard = signals.Next(owner);
        Assert.Equal((201, 200, "work"), (made.Status, renamed.Status, renamed.Text("name")));
        Assert.Equal(409, (await admin.PostAsync("/workspaces", new { owner = "admin", name = "WORK" })).Status);
        Assert.Equal(2, (await admin.GetAsync("/workspaces?owner=admin")).Json.GetProperty("count").GetInt64());
        Assert.Equal(204, (await admin.DeleteAsync("/workspaces/" + made.Text("id"))).Status);
        await HeardAsync(heard);
        Assert.Equal(404, (await admin.GetAsync("/workspaces/admin%2fwork")).Status);
    }

    [Fact]
    public async Task AnAgentsTokenWorksUntilItIsRotatedAndItsConnectionEndsThen()
    {
        await using var admin = await AdminListener.StartAsync();
        async Task<int> Ask(string token) => (await admin.Server.GetAsync(Manifest, token)).Status;
        var made = await admin.PostAsync("/agents", new { workspace = "admin/default", name = "second", operating_system = "linux" });
        var (id, first) = (made.Text("id")!, made.Text("auth_token")!);
        Assert.Equal((201, 200), (made.Status, await Ask(first)));
        Assert.Equal(409, (await admin.PostAsync("/agents", new { workspace = "admin/default", name = "SECOND" })).Status);

        using var connected = await ConnectAsync(admin, first);
        var second = (await admin.PostAsync("/agents/admin%2Fdefault%2Fsecond/rotate-token")).Text("auth_token")!;
        Assert.Equal(Withdrawn, await connected.ReceiveCloseAsync());
        Assert.Equal((401, 200), (await Ask(first), await Ask(second)));

        using var again = await ConnectAsync(admin, second);
        Assert.Equal(204, (await admin.DeleteAsync("/agents/" + id)).Status);
        Assert.Equal(Withdrawn, await again.ReceiveCloseAsync());
        Assert.Equal((401, 404), (await Ask(second), (await admin.GetAsync("/agents/" + id)).Status));
    }

    [Fact]
    public async Task WhatAnAgentIsMadeWithIsInItsManifestAndKeepsItsIdsWhenReplaced()
    {
        await using var admin = await AdminListener.StartAsync();
        var made = await admin.PostAsync("/agents", new
        {
            workspace = "admin/default",
            name = "full",
            directory = "/work",
            environment_variables = new { EDITOR = "vi" },
            display_apps = OneDisplayApp,
            apps = new[]
            {
                new
                {
                    slug = "site",
                    display_name = "Site",
                    healthcheck_url = "http://localhost:1",
                    healthcheck_interval = 5,
                    healthcheck_threshold = 3,
                },
            },
            scripts = new[] { new { script = "echo hi", run_on_start = true, timeout_seconds = 90 } },
            devcontainers = new[] { new { name = "dev", workspace_folder = "/work" } },
            metadata = new[] { new { key = "load", script = "uptime", interval = 10 } },
            resources = new[] { new { path = "", threshold = 70 }, new { path = "/home", threshold = 90 } },
        });
        Assert.Equal(201, made.Status);
        Assert.Equal(2, admin.Server.Count("SELECT count(*) FROM agent_resource_monitors WHERE enabled = 1 AND threshold IN (70, 90)"));
        var manifest = (await admin.Server.GetAsync(Manifest, made.Text("auth_token"))).Json;
        Assert.Equal("/work", manifest.GetProperty("directory").GetString());
        Assert.Equal("vi", manifest.GetProperty("environment_variables").GetProperty("EDITOR").GetString());
        Assert.Equal("load", manifest.GetProperty("metadata")[0].GetProperty("key").GetString());
        Assert.Equal(90_000_000_000, manifest.GetProperty("scripts")[0].GetProperty("timeout").GetInt64());
        var app = manifest.GetProperty("apps")[0].GetProperty("id").GetGuid();

        var replaced = await admin.SendAsync(
            HttpMethod.Put, $"/agents/{made.Text("id")}/declarations",
            new { apps = new[] { new { slug = "new" }, new { slug = "site" } } });
        var declared = replaced.Json.GetProperty("declarations");
        Assert.Equal(
            ["new", "site"],
            declared.GetProperty("apps").EnumerateArray().Select(static one => one.GetProperty("slug").GetString()!));
        Assert.Equal(app, declared.GetProperty("apps")[1].GetProperty("id").GetGuid());
        Assert.Equal((0, 0), (declared.GetProperty("scripts").GetArrayLength(), declared.GetProperty("resources").GetArrayLength()));

        var other = new { apps = new[] { new { slug = "stolen", id = app } } };
        var stolen = await admin.SendAsync(HttpMethod.Put, $"/agents/{admin.Server.Agent.Id}/declarations", other);
        Assert.Equal((400, "apps.id"), (stolen.Status, Field(stolen)));
    }

    [Theory]
    [InlineData("{\"workspace\":\"admin/default\",\"name\":\"\"}", "name")]
    [InlineData("{\"workspace\":\"admin/default\",\"name\":\"a/b\"}", "name")]
    [InlineData("{\"workspace\":\"admin/default\",\"name\":\"a\",\"apps\":[{\"slug\":\"A\"}]}", "apps[0].slug")]
    [InlineData("{\"workspace\":\"admin/default\",\"name\":\"a\",\"apps\":[{\"slug\":\"a\"},{\"slug\":\"a\"}]}", "apps.slug")]
    [InlineData("{\"workspace\":\"admin/default\",\"name\":\"a\",\"apps\":[{\"slug\":\"a\",\"open_in\":\"x\"}]}", "apps[0].open_in")]
    [InlineData("{\"workspace\":\"admin/default\",\"name\":\"a\",\"scripts\":[{\"script\":\"\"}]}", "scripts[0].script")]
    [InlineData("{\"workspace\":\"admin/default\",\"name\":\"a\",\"directory\":\"\\u0000\"}", "directory")]
    [InlineData("{\"workspace\":\"admin/default\",\"name\":\"a\",\"display_apps\":[\"x\"]}", "display_apps")]
    [InlineData("{\"workspace\":\"admin/default\",\"name\":\"a\",\"environment_variables\":{\"A=B\":\"\"}}", "environment_variables")]
    [InlineData("{\"workspace\":\"admin/default\",\"name\":\"a\",\"connection_timeout_seconds\":-1}", "connection_timeout_seconds")]
    public async Task AFieldThatCannotBeIsNamed(string body, string field)
    {
        await using var admin = await AdminListener.StartAsync();

        var answer = await admin.PostAsync("/agents", body);

        Assert.Equal((400, "Validation failed.", field), (answer.Status, answer.Message, Field(answer)));
        Assert.Equal(1, admin.Server.Count("SELECT count(*) FROM workspace_agents"));
    }

    [Fact]
    public async Task AMemberThatNobodyKnowsIsRefused()
    {
        await using var admin = await AdminListener.StartAsync();

        Assert.Equal(400, (await admin.PostAsync("/users", new { username = "ann", mail = "x" })).Status);
        Assert.Equal(400, (await admin.PostAsync("/users", "{\"username\":null}")).Status);
    }

    [Fact]
    public async Task AWorkspaceIsPreparedAndHandedOver()
    {
        await using var admin = await AdminListener.StartAsync();
        await admin.PostAsync("/users", new { username = "ann" });
        var claims = admin.Server.Services.GetRequiredService<ClaimStore>();
        var workspace = (await admin.GetAsync("/workspaces/admin%2Fdefault")).Json.GetProperty("id").GetGuid();

        Assert.Equal("pending", (await admin.PostAsync("/workspaces/admin%2Fdefault/prepare")).Text("claim"));
        Assert.Equal("failed", (await admin.PostAsync("/workspaces/admin%2Fdefault/unprepare")).Text("claim"));
        var moved = await admin.PostAsync("/workspaces/admin%2Fdefault/reinit", new { owner = "ann" });
        Assert.Equal(("ann", "claimed"), (moved.Text("owner"), moved.Text("claim")));
        var first = (await claims.FindAsync(workspace))!.Id;
        Assert.Equal(200, (await admin.PostAsync("/workspaces/ann%2Fdefault/reinit")).Status);
        Assert.NotEqual(first, (await claims.FindAsync(workspace))!.Id);

        await admin.PostAsync("/workspaces", new { owner = "admin", name = "default" });
        Assert.Equal(409, (await admin.PostAsync("/workspaces/ann%2Fdefault/reinit", new { owner = "admin" })).Status);
        Assert.Equal(404, (await admin.PostAsync("/workspaces/ann%2Fdefault/reinit", new { owner = "nobody" })).Status);
    }

    [Fact]
    public async Task AUsersTokenForAnotherServiceIsStoredButNeverShown()
    {
        await using var admin = await AdminListener.StartAsync(static directory => new ControlPlaneOptions
        {
            DataDirectory = directory,
            ExternalAuth = [new ExternalAuthProvider { Id = "hub", Type = "github", LinkUrl = new Uri("https://a.example") }],
        });

        var set = await admin.SendAsync(
            HttpMethod.Put, "/users/admin/external-auth/hub", new { access_token = "geheim", expires_at = "2099-01-01T00:00:00Z" });
        var links = await admin.GetAsync("/users/admin/external-auth");
        var token = await admin.Server.SendAsAgentAsync(HttpMethod.Get, "/api/v2/workspaceagents/me/external-auth?id=hub");

        Assert.Equal((204, "geheim"), (set.Status, token.Text("access_token")));
        Assert.Contains("hub", links.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", links.Body, StringComparison.Ordinal);
        Assert.Equal(
            "hub",
            (await admin.GetAsync("/external-auth/providers")).Json.GetProperty("providers")[0].GetProperty("id").GetString());
        Assert.Equal(404, (await admin.SendAsync(HttpMethod.Put, "/users/admin/external-auth/nothing", new { access_token = "x" })).Status);
        Assert.Equal(
            400,
            (await admin.SendAsync(HttpMethod.Put, "/users/admin/external-auth/hub", new { access_token = "two words" })).Status);
        Assert.Equal(204, (await admin.DeleteAsync("/users/admin/external-auth/hub")).Status);
        Assert.Equal(404, (await admin.DeleteAsync("/users/admin/external-auth/hub")).Status);
    }

    [Fact]
    public async Task AnAgentIsBoundToAnInstanceAndFreedOfIt()
    {
        await using var admin = await AdminListener.StartAsync();
        const string Path = "/agents/admin%2Fdefault%2Fmain/instance";

        Assert.Equal(204, (await admin.SendAsync(HttpMethod.Put, Path, new { cloud = "aws", instance_id = "i-1" })).Status);
        var bound = (await admin.GetAsync("/instance-bindings")).Json.GetProperty("bindings");
        Assert.Equal(("aws", "i-1"), (bound[0].GetProperty("cloud").GetString(), bound[0].GetProperty("instance_id").GetString()));
        Assert.Equal("i-1", (await admin.GetAsync("/agents")).Json.GetProperty("agents")[0].GetProperty("instance_id").GetString());
        Assert.Equal(400, (await admin.SendAsync(HttpMethod.Put, Path, new { cloud = "moon", instance_id = "i-1" })).Status);
        Assert.Equal(204, (await admin.DeleteAsync(Path)).Status);
        Assert.Equal(404, (await admin.DeleteAsync(Path)).Status);
    }

    [Fact]
    public async Task ANodeWithoutAnApiServerSaysSo()
    {
        await using var admin = await AdminListener.StartAsync(withoutServer: true);

        var answer = await admin.GetAsync("/users");

        Assert.Equal((404, "This node has no API server."), (answer.Status, answer.Message));
    }

    private static string? Field(Answer answer) => answer.Json.GetProperty("validations")[0].GetProperty("field").GetString();

    private static Task<ClientWebSocket> ConnectAsync(AdminListener admin, string token) =>
        TailnetLink.DialAsync(admin.Server, "/api/v2/workspaceagents/me/rpc?version=2.10&role=agent", token);
}
