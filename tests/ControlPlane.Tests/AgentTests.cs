using System.Security.Cryptography;
using System.Text.Json;
using ControlPlane.Agents;

namespace ControlPlane.Tests;

public sealed class AgentTests
{
    // What any of the API documents shows for an agent that has never connected (optional times and directories come later).
    private static readonly string[] Fields =
    [
        "id", "parent_id", "created_at", "updated_at", "status", "lifecycle_state", "name", "resource_id", "architecture",
        "environment_variables", "operating_system", "logs_length", "logs_overflowed", "version", "api_version", "apps", "latency",
        "connection_timeout_seconds", "troubleshooting_url", "subsystems", "health", "display_apps", "log_sources", "scripts",
        "startup_script_behavior", "login_before_ready", "startup_script", "startup_script_timeout_seconds",
    ];

    [Fact]
    public async Task AnAgentHasEveryFieldOfTheDocuments()
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.GetAsUserAsync(server.AgentPath);
        Assert.Equal(200, answer.Status);
        Assert.Equal(Fields.Order(), answer.Json.EnumerateObject().Select(static property => property.Name).Order());
        Assert.Equal(server.Agent.Id.ToString(), answer.Text("id"));
        Assert.Equal("main", answer.Text("name"));
        Assert.Equal("created", answer.Text("lifecycle_state"));
        Assert.Equal("connecting", answer.Text("status"));
        Assert.Equal(120, answer.Json.GetProperty("connection_timeout_seconds").GetInt32());
        Assert.Equal(JsonValueKind.Null, answer.Json.GetProperty("parent_id").ValueKind);
        Assert.EndsWith("Z", answer.Text("created_at"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAgentThatDoesNotConnectInTimeTimesOut()
    {
        var time = new ManualTimeProvider();
        await using var server = await ApiServer.StartAsync(time: time);
        time.Advance(TimeSpan.FromSeconds(120));
        Assert.Equal("connecting", (await server.GetAsUserAsync(server.AgentPath)).Text("status"));
        time.Advance(TimeSpan.FromSeconds(1));
        var answer = await server.GetAsUserAsync(server.AgentPath);
        Assert.Equal("timeout", answer.Text("status"));
        Assert.False(answer.Json.GetProperty("health").GetProperty("healthy").GetBoolean());
        Assert.NotNull(answer.Json.GetProperty("health").GetProperty("reason").GetString());
    }

    [Theory]
    [InlineData(0, null, AgentStatus.Connected)]
    [InlineData(30, null, AgentStatus.Connected)]
    [InlineData(31, null, AgentStatus.Disconnected)]
    [InlineData(5, 1, AgentStatus.Disconnected)]
    [InlineData(5, 9, AgentStatus.Connected)]
    public async Task AConnectedAgentIsJudgedByItsLastSignOfLife(int connectedSecondsAgo, int? disconnectedSecondsAgo, string expected)
    {
        var time = new ManualTimeProvider();
        await using var server = await ApiServer.StartAsync(time: time);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds() * 1000;
        server.Execute(string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"UPDATE workspace_agents SET first_connected_at = {now - 3_600_000_000}, "
                + $"last_connected_at = {now - (connectedSecondsAgo * 1_000_000L)}"));
        if (disconnectedSecondsAgo is { } ago)
        {
            server.Execute(FormattableString.Invariant($"UPDATE workspace_agents SET disconnected_at = {now - (ago * 1_000_000L)}"));
        }

        Assert.Equal(expected, (await server.GetAsUserAsync(server.AgentPath)).Text("status"));
    }

    [Fact]
    public async Task AnUnknownAgentIs404AndABadIdIs400()
    {
        await using var server = await ApiServer.StartAsync();
        foreach (var suffix in new[] { "", "/logs", "/startup-logs", "/nothing" })
        {
            var unknown = await server.GetAsUserAsync($"/api/v2/workspaceagents/{Guid.NewGuid()}{suffix}");
            Assert.Equal((404, "Agent doesn't exist with that id, or you do not have access to it."), (unknown.Status, unknown.Message));
            Assert.Equal(400, (await server.GetAsUserAsync("/api/v2/workspaceagents/not-a-uuid" + suffix)).Status);
            Assert.Equal(401, (await server.GetAsync("/api/v2/workspaceagents/not-a-uuid" + suffix)).Status);
        }

        Assert.Equal((404, "Route not found."), await StatusAndMessage(server.GetAsUserAsync(server.AgentPath + "/nothing")));
        Assert.Equal(405, (await server.SendAsync(HttpMethod.Post, server.AgentPath, server.Credentials!.SessionToken)).Status);
    }

    [Fact]
    public async Task AnAgentOfAnotherUserIsNotThere()
    {
        await using var server = await ApiServer.StartAsync();
        server.Execute("""
            INSERT INTO users (id, username, name, email, created_at, updated_at, last_seen_at, status, login_type)
            VALUES ('00000000-0000-4000-8000-000000000001', 'other', '', '', 0, 0, 0, 'active', 'none');
            UPDATE workspaces SET owner_id = '00000000-0000-4000-8000-000000000001';
            """);
        foreach (var suffix in new[] { "", "/logs", "/logs?follow" })
        {
            Assert.Equal(404, (await server.GetAsUserAsync(server.AgentPath + suffix)).Status);
        }
    }

    [Theory]
    [InlineData("N")]
    [InlineData("B")]
    public async Task AnIdMayBeSpeltAsGoReadsIt(string format)
    {
        await using var server = await ApiServer.StartAsync();
        Assert.Equal(200, (await server.GetAsUserAsync("/api/v2/workspaceagents/" + server.Agent.Id.ToString(format))).Status);
        Assert.Equal(200, (await server.GetAsUserAsync("/api/v2/workspaceagents/urn:uuid:" + server.Agent.Id)).Status);
        Assert.Equal(200, (await server.GetAsUserAsync("/api/v2/workspaceagents/" + server.Agent.Id.ToString().ToUpperInvariant())).Status);
    }

    [Fact]
    public async Task TheGitKeyIsOnePairPerUserAndItsHalvesBelongTogether()
    {
        await using var server = await ApiServer.StartAsync();
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => server.SendAsAgentAsync(HttpMethod.Get, "/api/v2/workspaceagents/me/gitsshkey")));
        Assert.All(answers, static answer => Assert.Equal(200, answer.Status));
        Assert.Single(answers.Select(static answer => answer.Body).Distinct());

        using var key = ECDsa.Create();
        key.ImportFromPem(answers[0].Text("private_key"));
        var point = key.ExportParameters(false).Q;
        var line = answers[0].Text("public_key")!.TrimEnd('\n').Split(' ');
        Assert.Equal("ecdsa-sha2-nistp256", line[0]);
        var blob = Convert.FromBase64String(line[1]);
        Assert.Equal(104, blob.Length);
        Assert.Equal([4, .. point.X!, .. point.Y!], blob[^65..]);
    }

    private static async Task<(int Status, string? Message)> StatusAndMessage(Task<Answer> answer) =>
        ((await answer).Status, (await answer).Message);
}
