using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;

namespace EndToEnd;

/// <summary>Another process writes to the database in the data directory: what a node keeps of it in memory is never older than the last commit.</summary>
public sealed class SharedDatabaseTests
{
    [Fact]
    public async Task EachCommitIsSeenByTheNextRequest()
    {
        using var directory = new TemporaryDirectory();
        var bootstrap = Path.Combine(directory.File("data"), "bootstrap.json");
        await using var edge = await EdgeProcess.StartAsync(
            directory.Path, new Dictionary<string, string>(), "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:RateLimit:PerMinute=0",
            $"--Edge:DataDirectory={directory.File("data")}");
        using var user = new HttpClient { BaseAddress = edge.UrlOf("public") };
        user.DefaultRequestHeaders.Add("Coder-Session-Token", Bootstrapped.SessionToken(bootstrap));
        using var agent = new HttpClient { BaseAddress = edge.UrlOf("public") };
        agent.DefaultRequestHeaders.Add("Coder-Session-Token", Bootstrapped.AgentToken(bootstrap));
        await using var database = new SqliteConnection($"Data Source={directory.File("data/edge.db")};Pooling=False");
        await database.OpenAsync(TestContext.Current.CancellationToken);

        for (var i = 0; i < 200; i++)
        {
            Write($"UPDATE workspace_agents SET directory = '/{i}'");
            var answer = JsonNode.Parse(await user.GetStringAsync($"/api/v2/workspaceagents/{Bootstrapped.AgentId(bootstrap)}", TestContext.Current.CancellationToken))!;
            Assert.Equal($"/{i}", answer["directory"]!.GetValue<string>());
        }

        Run("CREATE TEMP TABLE before AS SELECT id, hashed_auth_token FROM workspace_agents");
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(HttpStatusCode.OK, await ReportAsync());
            Write("UPDATE workspace_agents SET hashed_auth_token = randomblob(32)");
            Assert.Equal(HttpStatusCode.Unauthorized, await ReportAsync());
            Write("UPDATE workspace_agents SET hashed_auth_token = (SELECT hashed_auth_token FROM before WHERE before.id = workspace_agents.id)");
        }

        void Write(string sql) => Assert.True(Run(sql) > 0);

        int Run(string sql)
        {
            using var command = database.CreateCommand();
            command.CommandText = sql;
            return command.ExecuteNonQuery();
        }

        async Task<HttpStatusCode> ReportAsync()
        {
            using var answer = await agent.PostAsJsonAsync("/api/v2/workspaceagents/me/report-stats", new { connection_count = 1 }, TestContext.Current.CancellationToken);
            return answer.StatusCode;
        }
    }
}
