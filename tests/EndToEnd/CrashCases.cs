using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace EndToEnd;

/// <summary>The program is killed while it stores log lines, in whichever database.</summary>
public abstract class CrashCases
{
    private const int Writers = 8;
    private const int BatchLines = 20;
    private const int BatchesBeforeTheEnd = 150;

    /// <summary>Settings for the database, by the names of environment variables.</summary>
    protected virtual IReadOnlyDictionary<string, string> Database { get; } = new Dictionary<string, string>();

    [Fact]
    public async Task NoAcknowledgedLogLineIsLostToAKill()
    {
        using var directory = new TemporaryDirectory();
        var bootstrap = Path.Combine(directory.File("data"), "bootstrap.json");
        var acknowledged = new ConcurrentBag<string>();
        await using (var edge = await StartAsync(directory))
        {
            using var client = new HttpClient { BaseAddress = edge.UrlOf("public") };
            client.DefaultRequestHeaders.Add("Coder-Session-Token", Bootstrapped.AgentToken(bootstrap));
            var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var writers = Enumerable.Range(0, Writers).Select(writer => WriteAsync(client, writer, acknowledged, enough)).ToArray();

            // The kill comes while the writers still send.
            await enough.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
            await edge.SignalAsync("KILL");
            Assert.NotEqual(0, await edge.ExitAsync());
            await Task.WhenAll(writers).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        }

        await using var again = await StartAsync(directory);
        using var reader = new HttpClient { BaseAddress = again.UrlOf("public") };
        reader.DefaultRequestHeaders.Add("Coder-Session-Token", Bootstrapped.SessionToken(bootstrap));
        var stored = JsonNode.Parse(await reader.GetStringAsync(
            $"/api/v2/workspaceagents/{Bootstrapped.AgentId(bootstrap)}/logs", TestContext.Current.CancellationToken))!
            .AsArray().Select(static line => line!["output"]!.GetValue<string>()).ToArray();

        Assert.True(acknowledged.Count >= BatchesBeforeTheEnd);
        var batches = stored.Select(static line => line[..line.LastIndexOf('-')]).GroupBy(static batch => batch)
            .ToDictionary(static batch => batch.Key, static batch => batch.Count());
        Assert.Empty(acknowledged.Except(batches.Keys));

        // Each stored batch is complete, and stored once.
        Assert.All(batches.Values, static lines => Assert.Equal(BatchLines, lines));
        Assert.Equal(stored.Length, stored.Distinct().Count());
    }

    private Task<EdgeProcess> StartAsync(TemporaryDirectory directory) => EdgeProcess.StartAsync(
        directory.Path, Database, "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:RateLimit:PerMinute=0",
        $"--Edge:DataDirectory={directory.File("data")}");

    /// <summary>Sends batches until the program is gone.</summary>
    private static async Task WriteAsync(HttpClient client, int writer, ConcurrentBag<string> acknowledged, TaskCompletionSource enough)
    {
        for (var i = 0; ; i++)
        {
            var batch = $"{writer}-{i}";
            try
            {
                using var answer = await client.PatchAsJsonAsync(
                    "/api/v2/workspaceagents/me/logs",
                    new { logs = Enumerable.Range(0, BatchLines).Select(line => new { output = $"{batch}-{line}" }) },
                    TestContext.Current.CancellationToken);
                if (answer.StatusCode != HttpStatusCode.OK)
                {
                    Assert.Fail(
                        $"{(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)}");
                }
            }
            catch (Exception exception) when (exception is HttpRequestException or IOException)
            {
                // It is gone, and whether this batch was stored is not known.
                return;
            }

            acknowledged.Add(batch);
            if (acknowledged.Count >= BatchesBeforeTheEnd)
            {
                enough.TrySetResult();
            }
        }
    }
}
