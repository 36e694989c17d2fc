using System.Net;
using System.Text.Json.Nodes;

namespace EndToEnd;

/// <summary>The admin listener: open for probes and scrapers, closed for all else, and not reachable from the public one.</summary>
public class AdminTests
{
    [Theory]
    [InlineData("/healthz")]
    [InlineData("/readyz")]
    [InlineData("/metrics")]
    public async Task ProbesNeedNoToken(string path)
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");

        using var answer = await edge.Admin.GetAsync(path);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Theory]
    [InlineData("/healthz")]
    [InlineData("/readyz")]
    [InlineData("/metrics")]
    [InlineData("/status")]
    public async Task HeadIsAnsweredAsGetWithoutTheBody(string path)
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        using var get = await edge.Admin.SendAsync(Request(path, Token(edge)));
        using var request = Request(path, Token(edge));
        request.Method = HttpMethod.Head;

        using var head = await edge.Admin.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, head.StatusCode);
        Assert.Equal(get.Content.Headers.ContentType, head.Content.Headers.ContentType);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task HeadNeedsTheTokenWhereGetDoes()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        using var request = new HttpRequestMessage(HttpMethod.Head, "/status");

        using var answer = await edge.Admin.SendAsync(request);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Theory]
    [InlineData("/status")]
    [InlineData("/nothing")]
    [InlineData("/metrics/more")]
    public async Task EverythingElseNeedsTheToken(string path)
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");

        using var without = await edge.Admin.GetAsync(path);
        using var wrong = await edge.Admin.SendAsync(Request(path, "wrong"));

        Assert.Equal(HttpStatusCode.Unauthorized, without.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        Assert.StartsWith("Bearer", without.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithTheTokenTheStatusIsTold()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=all");

        using var answer = await edge.Admin.SendAsync(Request("/status", Token(edge)));
        var status = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;

        Assert.Equal("all", status["mode"]!.GetValue<string>());
        Assert.True(status["backends"]![0]!["healthy"]!.GetValue<bool>());
    }

    [Fact]
    public async Task ABrowsersRequestIsRefusedEvenWithTheToken()
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        using var request = Request("/status", Token(edge));
        request.Headers.Add("Origin", edge.Node.AdminUrl);

        using var answer = await edge.Admin.SendAsync(request);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Theory]
    [InlineData("evil.example.com", HttpStatusCode.Forbidden)]
    [InlineData("127.0.0.1.evil.example.com", HttpStatusCode.Forbidden)]
    [InlineData("localhost", HttpStatusCode.OK)]
    [InlineData("127.0.0.1", HttpStatusCode.OK)]
    [InlineData("10.1.2.3:99", HttpStatusCode.OK)]
    [InlineData("[::1]:99", HttpStatusCode.OK)]
    public async Task AHostThatCouldBeReboundIsRefused(string host, HttpStatusCode expected)
    {
        await using var edge = await TestNode.StartAsync("Edge:Mode=relay");
        using var request = Request("/status", Token(edge));
        request.Headers.Host = host;

        using var answer = await edge.Admin.SendAsync(request);

        Assert.Equal(expected, answer.StatusCode);
    }

    [Theory]
    [InlineData("all", "/status")]
    [InlineData("all", "/metrics")]
    [InlineData("all", "/readyz")]
    [InlineData("relay", "/status")]
    [InlineData("relay", "/metrics")]
    [InlineData("api", "/status")]
    [InlineData("api", "/metrics")]
    public async Task NothingOfItIsReachableThroughThePublicListener(string mode, string path)
    {
        await using var edge = await TestNode.StartAsync($"Edge:Mode={mode}");
        using var request = Request(path, Token(edge));
        request.Headers.Host = new Uri(edge.Node.AdminUrl).Authority;

        using var answer = await edge.Public.SendAsync(request);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.DoesNotContain("uptime_seconds", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheTokenIsKeptAsAHashOnlyAndOutlivesARestart()
    {
        using var directory = new TemporaryDirectory();
        var data = $"Edge:DataDirectory={directory.File("data")}";
        string token;
        await using (var first = await TestNode.StartAsync("Edge:Mode=relay", data))
        {
            token = Token(first);
            File.Delete(first.Node.Data.BootstrapFile);
        }

        await using var second = await TestNode.StartAsync("Edge:Mode=relay", data);
        using var answer = await second.Admin.SendAsync(Request("/status", token));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.DoesNotContain(
            Directory.GetFiles(second.Node.Data.Path),
            file => File.ReadAllText(file).Contains(token, StringComparison.Ordinal));
    }

    private static string Token(TestNode edge) =>
        JsonNode.Parse(File.ReadAllText(edge.Node.Data.BootstrapFile))!["admin_token"]!.GetValue<string>();

    private static HttpRequestMessage Request(string path, string token)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Authorization", $"Bearer {token}");
        return request;
    }
}
