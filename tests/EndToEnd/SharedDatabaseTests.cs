using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;

namespace EndToEnd;

/// <summary>
/// Another process writes to the database in the data directory: a node's cache of agents is never older than the last
/// commit. Tokens, which may stay valid for 15 s, are the subject of the API server's WithdrawnTokenTests.
/// </summary>
public sealed class SharedDatabaseTests
{
    [Fact]
    public async Task EachCommitIsSeenByTheNextRequest()
    {
        using var directory = new TemporaryDirectory();
        var bootstrap = Path.Combine(directory.File("data"), "bootstrap.json");
        await using var edge = await EdgeProcess.StartAsync(
            directory.Path, new Dictionary<string, string>(), "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0",
            "--Edge:RateLimit:PerMinute=0",
            $"--Edge:DataDirectory={directory.File("data")}");
        using var user = new HttpClient { BaseAddress = edge.UrlOf("public") };
        user.DefaultRequestHeaders.Add("Coder-Session-Token", Bootstrapped.SessionToken(bootstrap));
        await using var database = new SqliteConnection($"Data Source={directory.File("data/edge.db")};Pooling=False");
        await database.OpenAsync(TestContext.Current.CancellationToken);

        for (var i = 0; i < 200; i++)
        {
            Write($"UPDATE workspace_agents SET directory = '/{i}'");
            var answer = JsonNode.Parse(await user.GetStringAsync(
                $"/api/v2/workspaceagents/{Bootstrapped.AgentId(bootstrap)}", TestContext.Current.CancellationToken))!;
            Assert.Equal($"/{i}", answer["directory"]!.GetValue<string>());
        }

        void Write(string sql)
        {
            using var command = database.CreateCommand();
            command.CommandText = sql;
            Assert.True(command.ExecuteNonQuery() > 0);
        }
    }
}
