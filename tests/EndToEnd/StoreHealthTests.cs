using System.Net;
using System.Net.Http.Json;

namespace EndToEnd;

/// <summary>The store fails under a running node: <c>/readyz</c> on the admin listener says so, whatever the mode, and why.</summary>
public sealed class StoreHealthTests
{
    [Theory]
    [InlineData("all")]
    [InlineData("api")]
    public async Task ReadinessFollowsTheDatabaseFile(string mode)
    {
        await using var edge = await TestNode.StartAsync($"Edge:Mode={mode}");
        Assert.Equal((HttpStatusCode.OK, "OK\n"), await AskAsync(edge.Admin, "/readyz"));
        var away = edge.Node.Data.Path + ".away";
        Directory.Move(edge.Node.Data.Path, away);

        Assert.Equal(
            (HttpStatusCode.ServiceUnavailable, "the database file was deleted or moved\n"),
            await AskAsync(edge.Admin, "/readyz"));
        Assert.Equal(
            (HttpStatusCode.ServiceUnavailable, "the database file was deleted or moved"),
            await AskAsync(edge.Public, "/healthz"));

        Directory.Move(away, edge.Node.Data.Path);
        await Eventually.TrueAsync(async () => (await edge.Admin.GetAsync("/readyz")).IsSuccessStatusCode, "the node is ready again");
        Assert.Equal((HttpStatusCode.OK, "OK"), await AskAsync(edge.Public, "/healthz"));
    }

    [Fact]
    public async Task AFullDiskMakesTheNodeUnreadyUntilThereIsRoomAgain()
    {
        using var directory = new TemporaryDirectory();

        // A file system of 24 MiB that only this process sees, and the test by way of its root.
        await using var edge = await EdgeProcess.StartCommandAsync(
            directory.Path, new Dictionary<string, string>(), TimeSpan.FromSeconds(60), "unshare", "--user", "--map-root-user", "--mount",
            "sh", "-c",
            "mkdir disk && mount -t tmpfs -o size=24m,mode=700 disk disk && exec dotnet "
            + $"{Path.Combine(AppContext.BaseDirectory, "Edge.dll")} --Edge:Mode=api "
            + "--Edge:DataDirectory=disk/data --Edge:RateLimit:PerMinute=0 --urls http://127.0.0.1:0 --Edge:Admin:Url=http://127.0.0.1:0");
        var disk = $"/proc/{edge.Id}/root{directory.File("disk")}";
        Assert.True(Directory.Exists(Path.Combine(disk, "data")), edge.Output);
        using var agent = new HttpClient { BaseAddress = edge.UrlOf("public") };
        agent.DefaultRequestHeaders.Add("Coder-Session-Token", Bootstrapped.AgentToken(Path.Combine(disk, "data", "bootstrap.json")));
        using var admin = new HttpClient { BaseAddress = edge.UrlOf("admin") };
        Assert.Equal(HttpStatusCode.OK, await SendLogAsync(agent));
        await using (var filler = File.Create(Path.Combine(disk, "filler")))
        {
            try
            {
                while (true)
                {
                    filler.Write(new byte[4096]);
                    filler.Flush();
                }
            }
            catch (IOException)
            {
                Assert.True(filler.Length > 1 << 20);
            }
        }

        // Lines are still stored until the allocated space of the WAL file is used up.
        await Eventually.TrueAsync(async () => await SendLogAsync(agent) == HttpStatusCode.ServiceUnavailable, "a line is refused");

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "the disk of the database is full\n"), await AskAsync(admin, "/readyz"));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "the disk of the database is full"), await AskAsync(agent, "/healthz"));

        File.Delete(Path.Combine(disk, "filler"));
        await Eventually.TrueAsync(async () => (await admin.GetAsync("/readyz")).IsSuccessStatusCode, "the node is ready again");
        Assert.Equal(HttpStatusCode.OK, await SendLogAsync(agent));
    }

    [Fact]
    public async Task ATokenThatLetsNobodyInIsNotOffered()
    {
        using var directory = new TemporaryDirectory();
        var data = $"Edge:DataDirectory={directory.File("data")}";
        await using (var first = await TestNode.StartAsync(data))
        {
            Assert.True(first.Node.HasSessionToken);
            Assert.Contains("session_token", Edge.Program.Banner.For(first.Node), StringComparison.Ordinal);
        }

        // A new database, with the bootstrap file of an older one.
        File.Delete(directory.File("data/edge.db"));
        File.Copy(directory.File("data/bootstrap.json"), directory.File("older.json"));
        await using (var second = await TestNode.StartAsync(data))
        {
            Assert.True(second.Node.HasSessionToken);
        }

        File.Copy(directory.File("older.json"), directory.File("data/bootstrap.json"), overwrite: true);
        await using var third = await TestNode.StartAsync(data);
        var banner = Edge.Program.Banner.For(third.Node);
        Assert.DoesNotContain("session_token", banner, StringComparison.Ordinal);
        Assert.Contains("Edge admin token create admin", banner, StringComparison.Ordinal);
        Assert.Contains("/api/v2/buildinfo", banner, StringComparison.Ordinal);
    }

    private static async Task<(HttpStatusCode Status, string Body)> AskAsync(HttpClient client, string path)
    {
        using var answer = await client.GetAsync(path, TestContext.Current.CancellationToken);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static async Task<HttpStatusCode> SendLogAsync(HttpClient agent)
    {
        using var answer = await agent.PatchAsJsonAsync(
            "/api/v2/workspaceagents/me/logs",
            new { logs = new[] { new { created_at = "2026-01-01T00:00:00Z", output = new string('x', 900) } } });
        return answer.StatusCode;
    }
}
