using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace EndToEnd;

/// <summary>More connections than the process may have file descriptors, as a process with a hard limit.</summary>
public class DescriptorFloodTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("all", 1024)]
    [InlineData("relay", 1024)]
    [InlineData("all", 400)]
    [InlineData("relay", 400)]
    public async Task TheNodeStaysUpSaysSoAndServesAgainAfterwards(string mode, int limit)
    {
        using var directory = new TemporaryDirectory();
        await using var edge = await StartAsync(directory, limit, $"--Edge:Mode={mode}");
        await Eventually.TrueAsync(
            () => edge.Output.Contains("Edge:Limits:MaxConnections is ", StringComparison.Ordinal),
            "the log says that fewer connections are taken");
        var (publicUrl, adminUrl) = (edge.UrlOf("public"), edge.UrlOf("admin"));
        using var client = new HttpClient();
        await Eventually.TrueAsync(async () => await ReadyAsync(client, adminUrl) == "OK\n", "the node is ready");

        var flood = await FloodAsync(publicUrl, limit);
        for (var i = 0; i < 3; i++)
        {
            // Each on a connection of its own.
            using var fresh = new HttpClient();
            Assert.Equal("OK\n", await ReadyAsync(fresh, adminUrl));
        }

        await Eventually.TrueAsync(
            async () => (await client.GetStringAsync(new Uri(adminUrl, "/metrics"), Cancel))
                .Contains("edge_connections_refused_total{reason=\"total\"}", StringComparison.Ordinal),
            "refused connections are counted");
        await Eventually.TrueAsync(
            () => edge.Output.Contains("connections were refused since", StringComparison.Ordinal),
            "the log says that connections were refused");

        flood.ForEach(static socket => socket.Dispose());
        await Eventually.TrueAsync(async () => await AnswersAsync(publicUrl), "new connections are served");
        await edge.SignalAsync("TERM");
        Assert.Equal(0, await edge.ExitAsync());
    }

    [Fact]
    public async Task TheAdminListenerWaitsWhenOnlyTheProcessOwnDescriptorsAreLeft()
    {
        using var directory = new TemporaryDirectory();
        await using var edge = await StartAsync(directory, 400, "--Edge:Mode=relay");
        var adminUrl = edge.UrlOf("admin");

        // Nothing limits connections here but the descriptors.
        var flood = await FloodAsync(adminUrl, 400);
        await Eventually.TrueAsync(
            () => edge.Output.Contains("does not accept connections for now", StringComparison.Ordinal), "the listener says that it waits");
        flood.ForEach(static socket => socket.Dispose());

        await Eventually.TrueAsync(async () => await AnswersAsync(adminUrl), "the admin listener answers again");
        using var client = new HttpClient();
        var metrics = await client.GetStringAsync(new Uri(adminUrl, "/metrics"), Cancel);
        var count = metrics.Split('\n').Single(static line => line.StartsWith("edge_accept_errors_total ", StringComparison.Ordinal));
        Assert.InRange(double.Parse(count.Split(' ')[1], CultureInfo.InvariantCulture), 1, 1000);
        Assert.Equal(1, edge.Output.Split("does not accept connections for now").Length - 1);
    }

    [Theory]
    [InlineData(128)]
    [InlineData(322)]
    public async Task BelowWhatAStartNeedsThereIsOneLine(int limit)
    {
        using var directory = new TemporaryDirectory();
        await using var edge = await StartAsync(directory, limit, "--Edge:Mode=relay");

        Assert.Equal(1, await edge.ExitAsync());
        var line = Assert.Single(edge.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith($"edge: ulimit -n = \"{limit}\": ", line, StringComparison.Ordinal);
    }

    private static Task<EdgeProcess> StartAsync(TemporaryDirectory directory, int limit, params string[] args) =>
        EdgeProcess.StartCommandAsync(
            directory.Path,
            new Dictionary<string, string>(),
            TimeSpan.FromSeconds(60),
            [
                "prlimit", $"--nofile={limit}:{limit}", "dotnet", Path.Combine(AppContext.BaseDirectory, "Edge.dll"),
                "--urls=http://127.0.0.1:0", "--Edge:Admin:Url=http://127.0.0.1:0", "--Relay:Stun:Port=0", .. args,
            ]);

    // Idle connections: those above the limit are reset, or wait in the kernel's queue.
    private static async Task<List<Socket>> FloodAsync(Uri url, int count)
    {
        var flood = new List<Socket>();
        for (var i = 0; i < count; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            flood.Add(socket);
            try
            {
                await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, url.Port), Cancel);
            }
            catch (SocketException error) when (error.SocketErrorCode is SocketError.ConnectionReset)
            {
                // The connection was above the limit and was reset before the connect returned.
                continue;
            }
        }

        return flood;
    }

    private static async Task<string> ReadyAsync(HttpClient client, Uri adminUrl)
    {
        using var answer = await client.GetAsync(new Uri(adminUrl, "/readyz"), Cancel);
        return await answer.Content.ReadAsStringAsync(Cancel);
    }

    private static async Task<bool> AnswersAsync(Uri url)
    {
        try
        {
            using var client = new HttpClient();
            await client.GetAsync(new Uri(url, "/healthz"), Cancel);
            return true;
        }
        catch (HttpRequestException)
        {
            // Still over its limit: the node has not noticed yet that the flood is gone.
            return false;
        }
    }
}
