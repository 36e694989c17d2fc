using System.Net;

namespace EndToEnd;

/// <summary>
/// The state of API servers at <c>/readyz</c> agrees with the answers to requests. The log has the return of a server as well
/// as its loss.
/// </summary>
public class BackendHealthTests
{
    private const string Updater = "Yarp.ReverseProxy.Health.DestinationHealthUpdater";

    private static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task AFewFailedRequestsDoNotMakeANodeUnreadyThatStillServes()
    {
        var count = 0;
        await using var backend = await TestBackend.StartAsync(context =>
        {
            if (Interlocked.Increment(ref count) is 3 or 5 or 7)
            {
                context.Abort();
            }

            return Task.CompletedTask;
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        for (var i = 0; i < 10; i++)
        {
            await PostAsync(edge);
        }

        await Eventually.TrueAsync(
            () => edge.Log.Lines.Any(static line => line.Contains("passive health check", StringComparison.Ordinal)),
            "the failures were counted");

        Assert.Equal(HttpStatusCode.OK, await ReadyAsync(edge));
        Assert.Equal(HttpStatusCode.OK, (await edge.Public.GetAsync("/x")).StatusCode);
    }

    [Fact]
    public async Task AServerWithFailedRequestsIsAskedAgainAfterFiveSeconds()
    {
        var clock = new ManualTimeProvider();
        var broken = true;
        await using var bad = await TestBackend.StartAsync(context =>
        {
            if (broken)
            {
                context.Abort();
            }

            return Task.CompletedTask;
        });
        await using var good = await TestBackend.StartAsync(static _ => Task.CompletedTask);
        await using var edge = await TestNode.StartAsync(
            clock, waitUntilReady: true, "Edge:Mode=edge", $"Edge:Backends:0={bad.Url}", $"Edge:Backends:1={good.Url}");
        await Eventually.TrueAsync(() => bad.Probes > 0 && good.Probes > 0, "both are probed");
        while (bad.Requests.Count < 10)
        {
            await PostAsync(edge);
        }

        await Eventually.TrueAsync(() => Lines(edge, Updater, "reactivation in `00:00:05`") == 1, "the failing server is left out");
        broken = false;

        // The line is there a moment before requests pass the server by.
        var before = 0;
        await Eventually.TrueAsync(
            async () =>
            {
                before = bad.Requests.Count;
                await UseAsync(edge);
                return bad.Requests.Count == before;
            },
            "requests pass the failing server by");

        clock.Advance(ProbeInterval);
        await Eventually.TrueAsync(() => Lines(edge, Updater, "is reset to 'Unknown`") == 1, "the return is logged");
        await UseAsync(edge);

        Assert.NotEqual(before, bad.Requests.Count);
        Assert.Equal(1, Lines(edge, Updater, "reactivation in"));
    }

    [Fact]
    public async Task ANodeIsUnreadyWhileItsOnlyServerTakesNoConnectionAndReadyWithTheFirstRequestThatIsServed()
    {
        var clock = new ManualTimeProvider();
        var backend = await TestBackend.StartAsync(static _ => Task.CompletedTask);
        var url = backend.Url;
        await using var edge = await TestNode.StartAsync(clock, waitUntilReady: true, "Edge:Mode=edge", $"Edge:Backends={url}");
        await backend.DisposeAsync();

        Assert.Equal(HttpStatusCode.BadGateway, (await edge.Public.GetAsync("/x")).StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await ReadyAsync(edge));

        await using var restarted = await TestBackend.StartAsync(static _ => Task.CompletedTask, url);
        Assert.Equal(HttpStatusCode.OK, (await edge.Public.GetAsync("/x")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, await ReadyAsync(edge));
    }

    [Fact]
    public async Task AfterFailedProbesTheFirstRequestThatIsServedMakesTheNodeReadyToo()
    {
        var clock = new ManualTimeProvider();
        var backend = await TestBackend.StartAsync(static _ => Task.CompletedTask);
        var url = backend.Url;
        await using var edge = await TestNode.StartAsync(clock, waitUntilReady: true, "Edge:Mode=edge", $"Edge:Backends={url}");
        await backend.DisposeAsync();
        await ProbeUntilAsync(clock, () => Task.FromResult(Lines(edge, Updater, "'Unhealthy'") == 1));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await ReadyAsync(edge));
        Assert.Equal(1, Lines(edge, "Edge.Proxy.ProbePolicy", "Connection refused"));

        await using var restarted = await TestBackend.StartAsync(static _ => Task.CompletedTask, url);
        Assert.Equal(HttpStatusCode.OK, (await edge.Public.GetAsync("/x")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, await ReadyAsync(edge));
    }

    [Fact]
    public async Task AServerThatSaysItIsIllGetsNoRequests()
    {
        var clock = new ManualTimeProvider();
        await using var backend = await TestBackend.StartAsync(static _ => Task.CompletedTask);
        await using var edge = await TestNode.StartAsync(clock, waitUntilReady: true, "Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        backend.Healthy = false;
        await ProbeUntilAsync(clock, async () => await edge.Node.NotReadyReasonAsync() is not null);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await edge.Public.GetAsync("/x")).StatusCode);
        Assert.Equal("no healthy backend", await edge.Node.NotReadyReasonAsync());
        Assert.Equal(1, Lines(edge, "Edge.Proxy.ProbePolicy", "the server answers with 503"));

        backend.Healthy = true;
        await ProbeUntilAsync(clock, async () => await edge.Node.NotReadyReasonAsync() is null);
        Assert.Equal(HttpStatusCode.OK, (await edge.Public.GetAsync("/x")).StatusCode);
        Assert.Equal(2, Lines(edge, $"Information {Updater}", "is set to 'Healthy'"));
    }

    [Fact]
    public async Task AServerIsTriedWhileProbesFindNoConnectionAndNotOnceItSaysThatItIsIll()
    {
        var clock = new ManualTimeProvider();
        var backend = await TestBackend.StartAsync(static _ => Task.CompletedTask);
        var url = backend.Url;
        await using var edge = await TestNode.StartAsync(clock, waitUntilReady: true, "Edge:Mode=edge", $"Edge:Backends={url}");
        await backend.DisposeAsync();
        await ProbeUntilAsync(clock, () => Task.FromResult(Lines(edge, Updater, "'Unhealthy'") == 1));
        Assert.Equal(HttpStatusCode.BadGateway, (await edge.Public.GetAsync("/x")).StatusCode);

        await using var ill = await TestBackend.StartAsync(static _ => Task.CompletedTask, url);
        ill.Healthy = false;
        await ProbeUntilAsync(clock, async () => (await edge.Public.GetAsync("/x")).StatusCode == HttpStatusCode.ServiceUnavailable);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await ReadyAsync(edge));

        await ill.DisposeAsync();
        await ProbeUntilAsync(clock, async () => (await edge.Public.GetAsync("/x")).StatusCode == HttpStatusCode.BadGateway);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await ReadyAsync(edge));
    }

    [Theory]
    [InlineData("HealthyOrPanic", HttpStatusCode.OK)]
    [InlineData("HealthyAndUnknown", HttpStatusCode.ServiceUnavailable)]
    public async Task WithAPolicyOfYarpsTheNodeIsReadyWhenRequestsAreServed(string policy, HttpStatusCode expected)
    {
        var clock = new ManualTimeProvider();
        await using var backend = await TestBackend.StartAsync(static _ => Task.CompletedTask);
        const string Cluster = "ReverseProxy:Clusters:c";
        await using var edge = await TestNode.StartAsync(
            clock, waitUntilReady: true, "Edge:Mode=edge", "ReverseProxy:Routes:r:ClusterId=c",
            "ReverseProxy:Routes:r:Match:Path=/{**rest}", $"{Cluster}:Destinations:d:Address={backend.Url}",
            $"{Cluster}:HealthCheck:AvailableDestinationsPolicy={policy}", $"{Cluster}:HealthCheck:Active:Enabled=true",
            $"{Cluster}:HealthCheck:Active:Policy=EdgeProbes", $"{Cluster}:HealthCheck:Active:Path=/healthz",
            $"{Cluster}:HealthCheck:Active:Interval=00:00:05");
        backend.Healthy = false;
        await ProbeUntilAsync(clock, async () => await edge.Node.NotReadyReasonAsync() is not null);

        Assert.Equal(expected, (await edge.Public.GetAsync("/x")).StatusCode);
        Assert.Equal(expected, await ReadyAsync(edge));
    }

    [Fact]
    public async Task WithoutProbesARefusedConnectionMakesTheNodeUnreadyForAWhile()
    {
        var clock = new ManualTimeProvider();
        var backend = await TestBackend.StartAsync(static _ => Task.CompletedTask);
        await using var edge = await TestNode.StartAsync(
            clock, waitUntilReady: true, "Edge:Mode=edge", "ReverseProxy:Routes:r:ClusterId=c",
            "ReverseProxy:Routes:r:Match:Path=/{**rest}",
            $"ReverseProxy:Clusters:c:Destinations:d:Address={backend.Url}");
        await backend.DisposeAsync();
        Assert.Equal(HttpStatusCode.OK, await ReadyAsync(edge));

        Assert.Equal(HttpStatusCode.BadGateway, (await edge.Public.GetAsync("/x")).StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await ReadyAsync(edge));

        clock.Advance(Edge.Proxy.RequestOutcomes.Lifetime);
        Assert.Equal(HttpStatusCode.OK, await ReadyAsync(edge));
    }

    private static async Task<HttpStatusCode> ReadyAsync(TestNode edge)
    {
        using var answer = await edge.Admin.GetAsync("/readyz");
        return answer.StatusCode;
    }

    // With a body, which the edge's HTTP client never sends twice.
    private static async Task PostAsync(TestNode edge) => (await edge.Public.PostAsync("/x", new StringContent("x"))).Dispose();

    private static async Task UseAsync(TestNode edge)
    {
        for (var i = 0; i < 50; i++)
        {
            (await edge.Public.GetAsync("/x")).Dispose();
        }
    }

    private static int Lines(TestNode edge, string category, string text) => edge.Log.Lines.Count(line =>
        line.Contains($"{category}:", StringComparison.Ordinal) && line.Contains(text, StringComparison.Ordinal));

    private static Task ProbeUntilAsync(ManualTimeProvider clock, Func<Task<bool>> condition) => Eventually.TrueAsync(
        () =>
        {
            clock.Advance(ProbeInterval);
            return condition();
        },
        "the probes have told");
}
