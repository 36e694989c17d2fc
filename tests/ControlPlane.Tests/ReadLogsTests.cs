namespace ControlPlane.Tests;

public sealed class ReadLogsTests
{
    [Fact]
    public async Task NoLogsAreAnEmptyArray()
    {
        await using var server = await ApiServer.StartAsync();
        foreach (var path in new[] { "/logs", "/startup-logs", "/logs?after=", "/logs?after=17", "/logs?before=1", "/logs?before=" })
        {
            var answer = await server.GetAsUserAsync(server.AgentPath + path);
            Assert.Equal((200, "[]\n"), (answer.Status, answer.Body));
        }
    }

    [Fact]
    public async Task AfterResumesBehindAnId()
    {
        await using var server = await ApiServer.StartAsync();
        await server.PatchLogsAsync("a", "b");
        await server.PatchLogsAsync("c");
        var all = (await server.GetAsUserAsync(server.AgentPath + "/startup-logs")).Json.EnumerateArray().ToList();
        var ids = all.ConvertAll(static line => line.GetProperty("id").GetInt64());
        Assert.Equal(ids.Order().Distinct(), ids);
        var rest = (await server.GetAsUserAsync($"{server.AgentPath}/logs?after={ids[0]}")).Json;
        Assert.Equal(["b", "c"], rest.EnumerateArray().Select(static line => line.GetProperty("output").GetString()!));
        Assert.Equal("[]\n", (await server.GetAsUserAsync($"{server.AgentPath}/logs?after={ids[2]}")).Body);
    }

    [Fact]
    public async Task BeforeLeavesOutAnIdAndWhatFollowsIt()
    {
        await using var server = await ApiServer.StartAsync();
        await server.PatchLogsAsync("a", "b", "c");
        var ids = (await server.GetAsUserAsync(server.AgentPath + "/logs")).Json.EnumerateArray()
            .Select(static line => line.GetProperty("id").GetInt64()).ToList();
        var some = (await server.GetAsUserAsync($"{server.AgentPath}/startup-logs?after={ids[0]}&before={ids[2]}")).Json;
        Assert.Equal(["b"], some.EnumerateArray().Select(static line => line.GetProperty("output").GetString()!));
        Assert.Equal("[]\n", (await server.GetAsUserAsync($"{server.AgentPath}/logs?before={ids[0]}")).Body);
        Assert.Equal("[]\n", (await server.GetAsUserAsync($"{server.AgentPath}/logs?before=0")).Body);
        Assert.EndsWith(
            " a\n",
            (await server.GetAsUserAsync($"{server.AgentPath}/logs?format=text&before={ids[1]}")).Body,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("after=-1", "after")]
    [InlineData("after=x", "after")]
    [InlineData("after=1.5", "after")]
    [InlineData("after=9223372036854775808", "after")]
    [InlineData("before=-1", "before")]
    [InlineData("before=x", "before")]
    [InlineData("follow&before=x", "before")]
    [InlineData("format=xml", "format")]
    [InlineData("follow&format=text", "format")]
    [InlineData("follow&after=-1", "after")]
    public async Task ABadQueryIs400AndNamesItsField(string query, string field)
    {
        await using var server = await ApiServer.StartAsync();
        var answer = await server.GetAsUserAsync($"{server.AgentPath}/logs?{query}");
        Assert.Equal(400, answer.Status);
        Assert.Equal(field, answer.Json.GetProperty("validations")[0].GetProperty("field").GetString());
    }

    [Fact]
    public async Task MoreThanAPageIsWholeAndInOrder()
    {
        await using var server = await ApiServer.StartAsync();
        var outputs = Enumerable.Range(0, 1000).Select(static index => index + new string('x', index)).ToArray();
        Assert.Equal(200, (await server.PatchLogsAsync(outputs)).Status);
        var read = (await server.GetAsUserAsync(server.AgentPath + "/logs")).Json.EnumerateArray()
            .Select(static line => line.GetProperty("output").GetString()!);
        Assert.Equal(outputs, read);

        var text = (await server.GetAsUserAsync(server.AgentPath + "/logs?format=text")).Body.TrimEnd('\n').Split('\n');
        Assert.Equal(1000, text.Length);
        Assert.EndsWith("[agent.main|External] " + outputs[999], text[999], StringComparison.Ordinal);
    }
}
