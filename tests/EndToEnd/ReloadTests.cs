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
    [InlineData("ReverseProxy:Clusters:c:SessionAffinity:Policy", "HashCookie", "allowed are Cookie")]
    [InlineData("ReverseProxy:Clusters:c:LoadBalancingPolicy", "Best", "Best")]
    [InlineData("ReverseProxy:Clusters:c:HttpRequest:Version", "2", "HTTP/1.1 only")]
    public async Task ABadReloadKeepsTheOldConfigurationAndSaysWhy(string key, string value, string says)
    {
        await using var one = await Named("one");
        await using var edge = await TestNode.StartAsync(Section(one.Url));

        edge.Reload((key, value), ("ReverseProxy:Clusters:c:SessionAffinity:Enabled", key.Contains("Affinity", StringComparison.Ordinal) ? "true" : null),
            ("ReverseProxy:Clusters:c:SessionAffinity:AffinityKeyName", key.Contains("Affinity", StringComparison.Ordinal) ? "k" : null));

        await Eventually.TrueAsync(() => edge.Log.Lines.Any(line => line.Contains(says, StringComparison.Ordinal)), $"the log says {says}");
        Assert.Equal("one", await edge.Public.GetStringAsync("/x"));
    }

    private static Task<TestBackend> Named(string name) => TestBackend.StartAsync(context => Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, name));

    private static string[] Section(string url) =>
    [
        "Edge:Mode=edge",
        "ReverseProxy:Routes:r:ClusterId=c",
        "ReverseProxy:Routes:r:Match:Path=/{**rest}",
        $"ReverseProxy:Clusters:c:Destinations:d:Address={url}",
    ];
}
