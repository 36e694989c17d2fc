
namespace EndToEnd;

/// <summary>A standard YARP section in place of the list of API servers: validated, and reloaded while the node runs.</summary>
public class ReloadTests
{
    [Fact]
    public async Task RoutesOfTheOperatorsOwnAreFollowed()
    {
        await using var one = await Named("one");
        await using var two = await Named("two");
        await using var edge = await TestNode.StartAsync([.. Section(one.Url), "ReverseProxy:Routes:second:ClusterId=other",
            "ReverseProxy:Routes:second:Match:Path=/second/{**rest}", $"ReverseProxy:Clusters:other:Destinations:d:Address={two.Url}"]);

        Assert.Equal("one", await edge.Public.GetStringAsync("/first"));
        Assert.Equal("two", await edge.Public.GetStringAsync("/second/x"));
    }

    [Fact]
    public async Task AChangedSectionIsTakenWhileRunning()
    {
        await using var one = await Named("one");
        await using var two = await Named("two");
        await using var edge = await TestNode.StartAsync(Section(one.Url));
        Assert.Equal("one", await edge.Public.GetStringAsync("/x"));

        edge.Reload(("ReverseProxy:Clusters:c:Destinations:d:Address", two.Url));

        await Eventually.TrueAsync(async () => await edge.Public.GetStringAsync("/x") == "two", "the new destination answers");
    }

    [Theory]
    [InlineData("ReverseProxy:Clusters:c:Destinations:d:Address", "not a url", "not a url")]
    [InlineData("ReverseProxy:Clusters:c:SessionAffinity:Policy", "Sticky", "Sticky")]
    [InlineData("ReverseProxy:Clusters:c:LoadBalancingPolicy", "Best", "Best")]
    [InlineData("ReverseProxy:Clusters:c:HttpRequest:Version", "2", "the edge uses HTTP/1.1")]
    [InlineData(
        "ReverseProxy:Routes:r:ClusterId",
        "nowhere",
        "ReverseProxy:Routes:r:ClusterId = \"nowhere\": allowed is the name of one of ReverseProxy:Clusters")]
    [InlineData("ReverseProxy:Routes:r:ClusterId", null, "ReverseProxy:Routes:r:ClusterId = \"\": allowed is")]
    [InlineData("ReverseProxy:Routes:r:Order", "first", "first")]
    [InlineData("ReverseProxy:Routes:r:Match:Path", "/{**rest", "/{**rest")]
    public async Task ABadReloadKeepsTheOldConfigurationAndSaysWhy(string key, string? value, string says)
    {
        await using var one = await Named("one");
        await using var edge = await TestNode.StartAsync(Section(one.Url));

        edge.Reload(
            (key, value),
            ("ReverseProxy:Clusters:c:SessionAffinity:Enabled", key.Contains("Affinity", StringComparison.Ordinal) ? "true" : null),
            ("ReverseProxy:Clusters:c:SessionAffinity:AffinityKeyName", key.Contains("Affinity", StringComparison.Ordinal) ? "k" : null));

        await Eventually.TrueAsync(() => edge.Log.Lines.Any(line => line.Contains(says, StringComparison.Ordinal)), $"the log says {says}");
        Assert.Equal("one", await edge.Public.GetStringAsync("/x"));
        var line = Assert.Single(edge.Log.Lines, line => line.StartsWith("Error ", StringComparison.Ordinal));
        Assert.DoesNotContain("   at ", line, StringComparison.Ordinal);
        Assert.Matches(Counted("refused"), await edge.Admin.GetStringAsync("/metrics"));

        // The corrected section is applied.
        await using var two = await Named("two");
        edge.Reload([(key, null), ("ReverseProxy:Clusters:c:SessionAffinity:Enabled", null),
            .. Section(two.Url).Skip(1).Select(static setting => (setting.Split('=')[0], (string?)setting.Split('=')[1]))]);
        await Eventually.TrueAsync(async () => await edge.Public.GetStringAsync("/x") == "two", "the mended section is in force");
    }

    [Fact]
    public async Task AGoodReloadIsLoggedAndCountedAndOneThatChangesNothingIsNot()
    {
        await using var one = await Named("one");
        await using var two = await Named("two");
        await using var edge = await TestNode.StartAsync(Section(one.Url));

        edge.Reload();
        edge.Reload(("ReverseProxy:Clusters:c:Destinations:d:Address", two.Url));
        await Eventually.TrueAsync(() => Lines() > 0, "the reload is logged");

        Assert.Equal(1, Lines());
        Assert.Matches(Counted("applied"), await edge.Admin.GetStringAsync("/metrics"));

        int Lines() => edge.Log.Lines.Count(static line =>
            line.StartsWith("Information ", StringComparison.Ordinal)
                && line.Contains("ReverseProxy section is in force: 1 routes, 1 clusters", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AChangedSettingThatNeedsAStartIsSaid()
    {
        await using var one = await Named("one");
        await using var edge = await TestNode.StartAsync(Section(one.Url));

        edge.Reload(("Edge:RateLimit:PerMinute", "7"));

        Assert.Contains(edge.Log.Lines, static line => line.StartsWith("Warning ", StringComparison.Ordinal)
            && line.EndsWith("take effect at the next start: Edge:RateLimit:PerMinute ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ARouteToNoClusterStopsTheStart()
    {
        var error = await Assert.ThrowsAsync<Edge.Settings.SettingsException>(
            () => TestNode.StartAsync([.. Section("http://127.0.0.1:1"), "ReverseProxy:Routes:r:ClusterId=nowhere"]));

        Assert.Contains("ReverseProxy:Routes:r:ClusterId = \"nowhere\"", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HashCookieAffinityKeepsAClientAtItsServer()
    {
        await using var one = await Named("one");
        await using var two = await Named("two");
        await using var edge = await TestNode.StartAsync(
        [
            .. Section(one.Url),
            $"ReverseProxy:Clusters:c:Destinations:e:Address={two.Url}",
            "ReverseProxy:Clusters:c:LoadBalancingPolicy=RoundRobin",
            "ReverseProxy:Clusters:c:SessionAffinity:Enabled=true",
            "ReverseProxy:Clusters:c:SessionAffinity:Policy=HashCookie",
            "ReverseProxy:Clusters:c:SessionAffinity:AffinityKeyName=server",
        ]);
        var cookies = new Dictionary<string, string>();
        while (cookies.Count < 2)
        {
            using var answer = await edge.Public.GetAsync("/x");
            cookies[await answer.Content.ReadAsStringAsync()] = Assert.Single(answer.Headers.GetValues("Set-Cookie")).Split(';')[0];
        }

        foreach (var (name, cookie) in cookies.Concat(cookies).Concat(cookies))
        {
            Assert.StartsWith("server=", cookie, StringComparison.Ordinal);
            using var request = new HttpRequestMessage(HttpMethod.Get, "/x") { Headers = { { "Cookie", cookie } } };
            using var answer = await edge.Public.SendAsync(request);
            Assert.Equal(name, await answer.Content.ReadAsStringAsync());
        }
    }

    // Nodes of other tests in this process count too.
    private static string Counted(string result) => $"edge_configuration_reloads_total\\{{result=\"{result}\"\\}} [1-9]";

    private static Task<TestBackend> Named(string name) =>
        TestBackend.StartAsync(context => Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, name));

    private static string[] Section(string url) =>
    [
        "Edge:Mode=edge",
        "ReverseProxy:Routes:r:ClusterId=c",
        "ReverseProxy:Routes:r:Match:Path=/{**rest}",
        $"ReverseProxy:Clusters:c:Destinations:d:Address={url}",
    ];
}
