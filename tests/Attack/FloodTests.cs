using System.Text;
using System.Text.RegularExpressions;

namespace Attack;

/// <summary>Many bad clients at once, against the program in a separate process, so that its gauges count nothing else.</summary>
public partial class FloodTests
{
    private const int Clients = 500;

    [Fact]
    public async Task GarbageFromManyConnectionsDoesNotKeepTheEdgeFromServing()
    {
        using var directory = new TemporaryDirectory();
        await using var backend = new RecordingBackend();
        await using var edge = await EdgeProcess.StartAsync(
            directory.Path, "--urls", "http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", "--Edge:Mode=edge",
            $"--Edge:Backends={backend.Url}");
        var url = edge.UrlOf("public");
        using var admin = new HttpClient { BaseAddress = edge.UrlOf("admin") };
        await Eventually.TrueAsync(
            async () => (await admin.GetAsync("/readyz", TestContext.Current.CancellationToken)).IsSuccessStatusCode, "the edge is ready");

        var clients = new List<RawClient>();
        try
        {
            for (var i = 0; i < Clients; i++)
            {
                clients.Add(await RawClient.ConnectAsync(url));
            }

            // Garbage without an end, half heads, half bodies, and silence: all of them at the same time.
            var random = new Random(1);
            var garbage = new byte[512];
            await Task.WhenAll(clients.Select((client, i) =>
            {
                random.NextBytes(garbage);
                return AttackRig.TrySendAsync(client, (i % 5) switch
                {
                    0 => Encoding.Latin1.GetString(garbage) + "\r\n\r\n",
                    1 => "GET /attack HTTP/1.1\r\nHost: x\r\nX: ",
                    2 => "\u0016\u0003\u0001\u0002\0\u0001",
                    3 => "POST /attack HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                    _ => "",
                });
            }));

            using var honest = new HttpClient { BaseAddress = url };
            for (var i = 0; i < 20; i++)
            {
                Assert.Equal(
                    $"GET /honest/{i}",
                    await honest.GetStringAsync($"/honest/{i}", TestContext.Current.CancellationToken)
                        .WaitAsync(TestNode.Patience, TestContext.Current.CancellationToken));
            }
        }
        finally
        {
            foreach (var client in clients)
            {
                client.Dispose();
            }
        }

        Assert.DoesNotContain(
            backend.Seen,
            static request => !request.StartsWith("GET /honest/", StringComparison.Ordinal)
                && !request.StartsWith("cut: POST /attack ", StringComparison.Ordinal));
        await Eventually.TrueAsync(async () => await OpenAsync(admin) == 0, "no connection is open");
    }

    private static async Task<double> OpenAsync(HttpClient admin)
    {
        var metrics = await admin.GetStringAsync("/metrics", TestContext.Current.CancellationToken);

        // The admin listener's own connection is not the public ones'.
        var port = admin.BaseAddress!.Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var gauges = Gauge()
            .Matches(metrics).Where(match => !match.Value.Contains($"server_port=\"{port}\"", StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(gauges);
        return gauges.Sum(static match => double.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture));
    }

    [GeneratedRegex(@"^kestrel_active_connections\{[^}]*\} (\S+)$", RegexOptions.Multiline)]
    private static partial Regex Gauge();
}
