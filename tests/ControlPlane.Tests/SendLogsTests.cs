using System.Text;

namespace ControlPlane.Tests;

public sealed class SendLogsTests
{
    private const string LogsPath = "/api/v2/workspaceagents/me/logs";
    private const string SourcePath = "/api/v2/workspaceagents/me/log-source";
    private const string ExternalSource = "3b579bf4-1ed8-4b99-87a8-e9a1e3410410";

    public static TheoryData<string> HostileBodies => new(
        "[]",
        "\"text\"",
        "17",
        "{\"logs\": {}}",
        "{\"logs\": \"x\"}",
        "{\"logs\": [1]}",
        "{\"logs\": [{\"output\": 1}]}",
        "{\"logs\": [{\"output\": {}}]}",
        "{\"logs\": [{\"level\": 1}]}",
        "{\"logs\": [{\"created_at\": 1}]}",
        "{\"logs\": [{\"created_at\": \"yesterday\"}]}",
        "{\"logs\": [{\"created_at\": \"2026-13-45T99:00:00Z\"}]}",
        "{\"log_source_id\": 1e400, \"logs\": [{}]}",
        "{\"log_source_id\": \"nope\", \"logs\": [{}]}",
        "{\"log_source_id\": 99999999999999999999999999999999999, \"logs\": [{}]}",
        "{\"logs\": " + new string('[', 100_000) + new string(']', 100_000) + "}",
        "{\"unknown\": " + new string('[', 1000) + new string(']', 1000) + "}");

    [Theory]
    [InlineData("", "Line 1, byte 0.")]
    [InlineData("{", "Line 1, byte 1.")]
    [InlineData("{} trailing", "Line 1, byte 3.")]
    [InlineData("{\n\"logs\": [{\"output\": \"x\",}]}", "Line 2, byte 24.")]
    public async Task ABodyThatIsNoJsonIsRefusedWithTheLineAndTheByte(string body, string place)
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.SendAsAgentAsync(HttpMethod.Patch, LogsPath, body);
        Assert.Equal((400, "Request body must be valid JSON.", place), (answer.Status, answer.Message, answer.Detail));
    }

    [Theory]
    [MemberData(nameof(HostileBodies))]
    public async Task AHostileBodyIsRefusedAndNotStored(string body)
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.SendAsAgentAsync(HttpMethod.Patch, LogsPath, body);
        Assert.Equal((400, "Validation failed."), (answer.Status, answer.Message));
        Assert.Equal(400, (await server.SendAsAgentAsync(HttpMethod.Post, SourcePath, body)).Status);
        Assert.Equal(0, server.Count("SELECT count(*) FROM agent_logs"));
    }

    [Fact]
    public async Task ABodyCutAnywhereIsRefusedAndNeverStored()
    {
        await using var server = await ApiServer.StartAsync();
        var body = Encoding.UTF8.GetBytes(
            """{"log_source_id":"3b579bf4-1ed8-4b99-87a8-e9a1e3410410","logs":["""
                + """{"created_at":"2026-01-01T00:00:00.123456789+02:00","output":"é\u0041","level":"warn"}]}""");
        for (var length = 0; length < body.Length; length++)
        {
            Assert.Equal(400, (await server.SendAsAgentAsync(HttpMethod.Patch, LogsPath, body[..length])).Status);
        }

        Assert.Equal(200, (await server.SendAsAgentAsync(HttpMethod.Patch, LogsPath, body)).Status);
        Assert.Equal(1, server.Count("SELECT count(*) FROM agent_logs"));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("{\"logs\": null}")]
    [InlineData("{\"logs\": []}")]
    public async Task NoLogsAreRefused(string body)
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.SendAsAgentAsync(HttpMethod.Patch, LogsPath, body);
        Assert.Equal((400, "No logs provided."), (answer.Status, answer.Message));
    }

    [Fact]
    public async Task ABodyTooLongIs413()
    {
        await using var server = await ApiServer.StartAsync();
        foreach (var chunked in new[] { false, true })
        {
            using var request = new HttpRequestMessage(HttpMethod.Patch, LogsPath)
            {
                Content = new ByteArrayContent(new byte[5 * 1024 * 1024]),
            };
            request.Headers.Add("Coder-Session-Token", server.Agent.AuthToken);
            request.Headers.TransferEncodingChunked = chunked;
            var answer = await server.SendAsync(request);
            Assert.Equal(413, answer.Status);
            Assert.NotNull(answer.Message);
        }
    }

    [Fact]
    public async Task LinesAreStoredWithTheServersTimeAndTheExternalSource()
    {
        var time = new ManualTimeProvider(new DateTimeOffset(2026, 5, 6, 7, 8, 9, 123, TimeSpan.Zero));
        await using var server = await ApiServer.StartAsync(time: time);
        var answer = await server.SendAsAgentAsync(HttpMethod.Patch, LogsPath, new
        {
            log_source_id = Guid.Empty,
            logs = new object[]
            {
                new { created_at = "2001-01-01T00:00:00Z", output = "one" },
                new { created_at = "2001-01-01T00:00:00.5+02:00", output = "two", level = "error" },
                new { output = "three", level = "" },
            },
        });
        Assert.Equal((200, "null\n"), (answer.Status, answer.Body));

        var lines = (await server.GetAsUserAsync(server.AgentPath + "/logs")).Json.EnumerateArray().ToList();
        Assert.Equal(["one", "two", "three"], lines.Select(static line => line.GetProperty("output").GetString()!));
        Assert.Equal(["info", "error", "info"], lines.Select(static line => line.GetProperty("level").GetString()!));
        Assert.All(lines, static line => Assert.Equal("2026-05-06T07:08:09.123Z", line.GetProperty("created_at").GetString()));
        Assert.All(lines, static line => Assert.Equal(ExternalSource, line.GetProperty("source_id").GetString()));
        Assert.Equal(
            ["id", "created_at", "output", "level", "source_id"],
            lines[0].EnumerateObject().Select(static property => property.Name));

        var agent = await server.GetAsUserAsync(server.AgentPath);
        Assert.Equal(11, agent.Json.GetProperty("logs_length").GetInt32());
        var source = Assert.Single(agent.Json.GetProperty("log_sources").EnumerateArray());
        Assert.Equal(ExternalSource, source.GetProperty("id").GetString());
        Assert.Equal("External", source.GetProperty("display_name").GetString());
    }

    [Theory]
    [InlineData("loud")]
    [InlineData("INFO")]
    public async Task AnUnknownLevelRefusesTheWholePatch(string level)
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.SendAsAgentAsync(
            HttpMethod.Patch, LogsPath, new { logs = new object[] { new { output = "a" }, new { output = "b", level } } });
        Assert.Equal(400, answer.Status);
        Assert.Equal(0, server.Count("SELECT count(*) FROM agent_logs"));
    }

    [Fact]
    public async Task OutputIsSanitisedAndCut()
    {
        await using var server = await ApiServer.StartAsync();
        byte[] body = [.. "{\"logs\":[{\"output\":\"a"u8, 0xFF, 0xFE, .. "b\\u0000c<&>\"}]}"u8];
        Assert.Equal(200, (await server.SendAsAgentAsync(HttpMethod.Patch, LogsPath, body)).Status);
        Assert.Equal(200, (await server.PatchLogsAsync(string.Concat(Enumerable.Repeat("🦊", 1025)))).Status);

        var answer = await server.GetAsUserAsync(server.AgentPath + "/logs");
        Assert.Equal("a❌b❌c<&>", answer.Json[0].GetProperty("output").GetString());
        Assert.Contains("a❌b❌c\\u003c\\u0026\\u003e", answer.Body, StringComparison.Ordinal);
        Assert.Equal(string.Concat(Enumerable.Repeat("🦊", 1024)), answer.Json[1].GetProperty("output").GetString());
    }

    [Theory]
    [InlineData(@"a\ud800b", "a\uFFFDb")]
    [InlineData(@"\uDC00", "\uFFFD")]
    [InlineData(@"\ud800\ud800\udc00", "\uFFFD\U00010000")]
    [InlineData(@"\ud83d\ude00", "\U0001F600")]
    [InlineData(@"\ud83d\u0041", "\uFFFDA")]
    [InlineData(@"\\ud800", @"\ud800")]
    [InlineData(@"\\\ud800", "\\\uFFFD")]
    [InlineData(@"\n\ud800", "\n\uFFFD")]
    public async Task HalfOfASurrogatePairIsReplacedAsGoDoes(string escaped, string stored)
    {
        await using var server = await ApiServer.StartAsync();
        foreach (var path in new[] { LogsPath, "/api/v2/workspaceagents/me/startup-logs" })
        {
            Assert.Equal(200, (await server.SendAsAgentAsync(HttpMethod.Patch, path, $$"""{"logs":[{"output":"{{escaped}}"}]}""")).Status);
        }

        var lines = (await server.GetAsUserAsync(server.AgentPath + "/logs")).Json.EnumerateArray();
        Assert.Equal([stored, stored], lines.Select(static line => line.GetProperty("output").GetString()!));
    }

    [Fact]
    public async Task OverflowRefusesTheWholePatchAndShowsOnTheAgent()
    {
        await using var server = await ApiServer.StartAsync();
        var full = await server.PatchLogsAsync("first", new string('a', 1_048_576));
        Assert.Equal((413, "Logs limit exceeded"), (full.Status, full.Message));
        Assert.Equal("[]\n", (await server.GetAsUserAsync(server.AgentPath + "/logs")).Body);
        var agent = (await server.GetAsUserAsync(server.AgentPath)).Json;
        Assert.True(agent.GetProperty("logs_overflowed").GetBoolean());
        Assert.Equal(0, agent.GetProperty("logs_length").GetInt32());

        // Exactly the limit still fits, and nothing after it.
        Assert.Equal(200, (await server.PatchLogsAsync(new string('a', 1_048_576))).Status);
        Assert.Equal(413, (await server.PatchLogsAsync("x")).Status);
        Assert.Equal(1_048_576, (await server.GetAsUserAsync(server.AgentPath)).Json.GetProperty("logs_length").GetInt32());
    }

    [Fact]
    public async Task EmptyLinesOverflowByTheirNumber()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, MaxLogLinesPerAgent = 3 });
        Assert.Equal(200, (await server.PatchLogsAsync("", "", "")).Status);
        Assert.Equal(413, (await server.PatchLogsAsync("")).Status);
    }

    [Fact]
    public async Task ConcurrentPatchesNeverExceedTheLimit()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, MaxLogBytesPerAgent = 100 });
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => server.PatchLogsAsync("0123456789")));
        Assert.Equal(10, answers.Count(static answer => answer.Status == 200));
        Assert.Equal(30, answers.Count(static answer => answer.Status == 413));
        Assert.Equal(10, server.Count("SELECT count(*) FROM agent_logs"));
    }

    [Fact]
    public async Task ALogSourceIsMadeOnce()
    {
        await using var server = await ApiServer.StartAsync();
        var id = Guid.NewGuid();
        var first = await server.SendAsAgentAsync(HttpMethod.Post, SourcePath, new { id, display_name = "Startup", icon = "/icon.svg" });
        Assert.Equal(201, first.Status);
        Assert.Equal(
            ["workspace_agent_id", "id", "created_at", "display_name", "icon"],
            first.Json.EnumerateObject().Select(static property => property.Name));
        Assert.Equal(server.Agent.Id.ToString(), first.Text("workspace_agent_id"));
        Assert.Equal("Startup", first.Text("display_name"));

        var second = await server.SendAsAgentAsync(HttpMethod.Post, SourcePath, new { id, display_name = "Other", icon = "" });
        Assert.Equal((201, first.Body), (second.Status, second.Body));

        Assert.Equal(
            200,
            (await server.SendAsAgentAsync(
                HttpMethod.Patch, LogsPath, new { log_source_id = id, logs = new[] { new { output = "x" } } })).Status);
        var text = await server.GetAsUserAsync(server.AgentPath + "/logs?format=text");
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \[info\] \[agent\.main\|Startup\] x\n$", text.Body);
        Assert.Equal("text/plain; charset=utf-8", text.Headers["Content-Type"]);
    }

    [Fact]
    public async Task ALogSourceIsValidated()
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.SendAsAgentAsync(HttpMethod.Post, SourcePath, new { display_name = new string('x', 128), icon = "" });
        Assert.Equal((400, "Validation failed."), (answer.Status, answer.Message));
        Assert.Equal(
            ["id", "display_name"],
            answer.Json.GetProperty("validations").EnumerateArray()
                .Select(static validation => validation.GetProperty("field").GetString()!));
        Assert.Equal(
            201,
            (await server.SendAsAgentAsync(
                HttpMethod.Post, SourcePath, new { id = Guid.NewGuid(), display_name = new string('x', 127), icon = "" })).Status);
    }

    [Fact]
    public async Task LogSourcesAreBounded()
    {
        await using var server = await ApiServer.StartAsync(
            static directory => new ControlPlaneOptions { DataDirectory = directory, MaxLogSourcesPerAgent = 1 });
        var id = Guid.NewGuid();
        Assert.Equal(201, (await server.SendAsAgentAsync(HttpMethod.Post, SourcePath, new { id })).Status);
        Assert.Equal(413, (await server.SendAsAgentAsync(HttpMethod.Post, SourcePath, new { id = Guid.NewGuid() })).Status);
        Assert.Equal(201, (await server.SendAsAgentAsync(HttpMethod.Post, SourcePath, new { id })).Status);
    }
}
