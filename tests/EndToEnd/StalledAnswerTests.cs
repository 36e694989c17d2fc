using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;

namespace EndToEnd;

/// <summary>One user asks for large logs on many connections, and reads none of it.</summary>
public sealed class StalledAnswerTests
{
    private const int Connections = 500;

    [Fact]
    public async Task AnswersThatNobodyReadsAreFewAndTheNodeServesOthersInLittleMemory()
    {
        using var directory = new TemporaryDirectory();

        // A heap that would not hold a log for each connection.
        await using var edge = await EdgeProcess.StartAsync(
            directory.Path, new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = "0x6000000" },
            "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:RateLimit:PerMinute=0",
            $"--Edge:DataDirectory={directory.File("data")}");
        var bootstrap = directory.File("data/bootstrap.json");
        var logs = $"/api/v2/workspaceagents/{Bootstrapped.AgentId(bootstrap)}/logs";
        using var user = new HttpClient { BaseAddress = edge.UrlOf("public") };
        user.DefaultRequestHeaders.Add("Coder-Session-Token", Bootstrapped.SessionToken(bootstrap));
        await FillLogAsync(edge.UrlOf("public"), Bootstrapped.AgentToken(bootstrap));
        var clients = new List<Socket>();
        try
        {
            var request = $"GET {logs} HTTP/1.1\r\nHost: edge\r\nCoder-Session-Token: {Bootstrapped.SessionToken(bootstrap)}\r\n\r\n";
            var three = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(request, 3)));
            for (var i = 0; i < Connections; i++)
            {
                var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
                clients.Add(client);
                await client.ConnectAsync(
                    new IPEndPoint(IPAddress.Loopback, edge.UrlOf("public").Port), TestContext.Current.CancellationToken);
                await client.SendAsync(three, TestContext.Current.CancellationToken);
            }

            // The first bytes alone: "HTTP/1.1 200".
            var statuses = await Task.WhenAll(clients.Select(StatusAsync));
            Assert.All(statuses, static status => Assert.True(status is "200" or "429", status));
            Assert.InRange(statuses.Count(static status => status == "200"), 1, 64);
            using var other = await user.GetAsync("/api/v2/users/me", TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, other.StatusCode);
            using var refused = await user.GetAsync(logs, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        }
        finally
        {
            clients.ForEach(static client => client.Close(timeout: 0));
        }

        await Eventually.TrueAsync(async () => (await user.GetAsync(logs)).IsSuccessStatusCode, "the log can be read again");
        Assert.DoesNotContain("Exception", edge.Output, StringComparison.Ordinal);
    }

    private static async Task FillLogAsync(Uri url, string token)
    {
        using var agent = new HttpClient { BaseAddress = url };
        agent.DefaultRequestHeaders.Add("Coder-Session-Token", token);
        var lines = Enumerable.Repeat(new { created_at = "2026-01-01T00:00:00Z", output = new string('x', 1000) }, 100).ToArray();
        for (var i = 0; i < 10; i++)
        {
            using var answer = await agent.PatchAsJsonAsync("/api/v2/workspaceagents/me/logs", new { logs = lines });
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    private static async Task<string> StatusAsync(Socket client)
    {
        var head = new byte[12];
        for (var length = 0; length < head.Length;)
        {
            var read = await client.ReceiveAsync(head.AsMemory(length), TestContext.Current.CancellationToken).AsTask()
                .WaitAsync(TimeSpan.FromSeconds(60));
            Assert.NotEqual(0, read);
            length += read;
        }

        return Encoding.ASCII.GetString(head, 9, 3);
    }
}
