using ControlPlane.Access;
using ControlPlane.AgentRpc;
using ControlPlane.Http;
using ControlPlane.InstanceIdentity;
using ControlPlane.Storage;
using ControlPlane.Tests.Administration;
using Microsoft.Extensions.DependencyInjection;
using Tailnet.AgentMessages;
using Tailnet.Coordination;

namespace ControlPlane.Tests;

/// <summary>
/// The time until a withdrawn token is refused: none in the process that withdraws it, at most 15 s in another one that gets no notice.
/// </summary>
public sealed class WithdrawnTokenTests
{
    private const string AgentPath = "/api/v2/workspaceagents/me/manifest";
    private const string ReportPath = "/api/v2/workspaceagents/me/report-stats";
    private const string UserPath = "/api/v2/users/me";

    [Theory]
    [InlineData("POST /agents/ann%2Fdev%2Fmain/rotate-token")]
    [InlineData("DELETE /agents/ann%2Fdev%2Fmain")]
    [InlineData("DELETE /workspaces/ann%2Fdev")]
    [InlineData("DELETE /users/ann?with_workspaces=true")]
    public async Task AnAgentsTokenIsRefusedByTheNextRequest(string action)
    {
        await using var admin = await AdminListener.StartAsync();
        Assert.Equal(201, (await admin.PostAsync("/users", new { username = "ann" })).Status);
        Assert.Equal(201, (await admin.PostAsync("/workspaces", new { owner = "ann", name = "dev" })).Status);
        var token = (await admin.PostAsync("/agents", new { workspace = "ann/dev", name = "main" })).Text("auth_token")!;
        await KnownAsync(admin.Server, token);

        var words = action.Split(' ');
        Assert.InRange((await admin.SendAsync(new HttpMethod(words[0]), words[1], words[0] == "POST" ? new { } : null)).Status, 200, 204);

        await RefusedAsync(admin.Server, token);
        await KnownAsync(admin.Server, admin.Server.Agent.AuthToken);
    }

    [Theory]
    [InlineData("DELETE /users/ann/tokens/{token}")]
    [InlineData("POST /users/ann/tokens/{token}/rotate")]
    [InlineData("PATCH /users/ann")]
    [InlineData("DELETE /users/ann")]
    public async Task AUsersTokenIsRefusedByTheNextRequest(string action)
    {
        await using var admin = await AdminListener.StartAsync();
        Assert.Equal(201, (await admin.PostAsync("/users", new { username = "ann" })).Status);
        var token = await admin.PostAsync("/users/ann/tokens");
        Assert.Equal(200, (await admin.Server.GetAsync(UserPath, token.Text("token"))).Status);
        Assert.Equal(200, (await admin.Server.GetAsync(UserPath, token.Text("token"))).Status);

        var words = action.Replace("{token}", token.Text("id"), StringComparison.Ordinal).Split(' ');
        object? body = words[0] switch
        {
            "PATCH" => new { status = "suspended" },
            "POST" => new { },
            _ => null,
        };
        Assert.InRange((await admin.SendAsync(new HttpMethod(words[0]), words[1], body)).Status, 200, 204);

        Assert.Equal(401, (await admin.Server.GetAsync(UserPath, token.Text("token"))).Status);
    }

    [Theory]
    [InlineData("unbound")]
    [InlineData("bound to another instance")]
    [InlineData("too many")]
    public async Task AnInstancesTokenIsRefusedByTheNextRequest(string reason)
    {
        await using var server = await ApiServer.StartAsync();
        var (bindings, stop) = (server.Bindings(), TestContext.Current.CancellationToken);
        Assert.True(await bindings.BindAsync(server.Agent.Id, Cloud.Aws, "i-1", stop));
        var token = (await bindings.ExchangeAsync(Cloud.Aws, "i-1", null, stop)).Token.ToString()!;
        await KnownAsync(server, token);
        switch (reason)
        {
            case "unbound":
                Assert.True(await bindings.UnbindAsync(server.Agent.Id, stop));
                break;
            case "bound to another instance":
                Assert.True(await bindings.BindAsync(server.Agent.Id, Cloud.Aws, "i-2", stop));
                break;
            default:
                var most = server.Services.GetRequiredService<ControlPlaneOptions>().InstanceIdentity.MaxTokensPerAgent;
                for (var i = 0; i < most; i++)
                {
                    Assert.NotNull((await bindings.ExchangeAsync(Cloud.Aws, "i-1", null, stop)).Token);
                }

                break;
        }

        await RefusedAsync(server, token);
        await KnownAsync(server, server.Agent.AuthToken);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ASubAgentsTokenIsRefusedByTheNextRequest(bool isDeleted)
    {
        await using var server = await ApiServer.StartAsync();
        var (rpc, stop) = (server.Services.GetRequiredService<SubAgentsRpc>(), TestContext.Current.CancellationToken);
        var made = (await rpc.CreateAsync(server.Agent.Id, new CreateSubAgentRequest { Name = "sub" }, stop)).Agent;
        Assert.True(PeerIds.TryRead(made.AuthToken, out var token));
        await KnownAsync(server, token.ToString());
        if (isDeleted)
        {
            await rpc.DeleteAsync(server.Agent.Id, new DeleteSubAgentRequest { Id = made.Id }, stop);
        }
        else
        {
            await rpc.CreateAsync(server.Agent.Id, new CreateSubAgentRequest { Id = made.Id }, stop);
        }

        await RefusedAsync(server, token.ToString());
    }

    [Fact]
    public async Task WhatAnotherProcessWithdrawsWithoutANoticeIsRefusedWithin15Seconds()
    {
        var time = new ManualTimeProvider();
        await using var server = await ApiServer.StartAsync(time: time);
        using var another = new Database(TestDatabase.EngineFor(new ControlPlaneOptions { DataDirectory = server.Directory }));
        await KnownAsync(server, server.Agent.AuthToken);
        Assert.Equal(200, (await server.GetAsUserAsync(UserPath)).Status);

        await another.WriteAsync(
            static connection =>
            {
                connection.Execute("UPDATE workspace_agents SET hashed_auth_token = @hash", ("@hash", Secrets.Hash(Guid.NewGuid())));
                return connection.Execute("DELETE FROM api_keys");
            },
            TestContext.Current.CancellationToken);
        time.Advance(ReadThroughCache<Guid, string>.MaxAge);

        await RefusedAsync(server, server.Agent.AuthToken);
        Assert.Equal(401, (await server.GetAsUserAsync(UserPath)).Status);
    }

    [Fact]
    public async Task ANoticeOfAnotherProcessCountsAtOnce()
    {
        var time = new ManualTimeProvider();
        await using var server = await ApiServer.StartAsync(time: time);
        await KnownAsync(server, server.Agent.AuthToken);
        server.Execute("UPDATE workspace_agents SET hashed_auth_token = @hash");
        server.Services.GetRequiredService<AccessSignals>().Wake(Guid.Empty);
        await RefusedAsync(server, server.Agent.AuthToken);
    }

    [Fact]
    public async Task ATokenThatWasUsedIsNotMarkedAsUsedByEachRequest()
    {
        var time = new ManualTimeProvider();
        await using var server = await ApiServer.StartAsync(time: time);
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(200, (await server.GetAsUserAsync(UserPath)).Status);
        var used = server.Count("SELECT last_used_at FROM api_keys");
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(200, (await server.GetAsUserAsync(UserPath)).Status);
        Assert.Equal(used, server.Count("SELECT last_used_at FROM api_keys"));
    }

    /// <summary>Twice, so that the second answer is from what is kept.</summary>
    private static async Task KnownAsync(ApiServer server, string token)
    {
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(200, (await server.GetAsync(AgentPath, token)).Status);
            Assert.Equal(200, (await server.SendAsync(HttpMethod.Post, ReportPath, token, "{}")).Status);
        }
    }

    private static async Task RefusedAsync(ApiServer server, string token)
    {
        Assert.Equal(401, (await server.GetAsync(AgentPath, token)).Status);
        Assert.Equal(401, (await server.SendAsync(HttpMethod.Post, ReportPath, token, "{}")).Status);
    }
}
