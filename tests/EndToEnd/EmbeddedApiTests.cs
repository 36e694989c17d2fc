using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;

namespace EndToEnd;

/// <summary>What passes between the edge and the embedded API server, with no HTTP between them.</summary>
public class EmbeddedApiTests
{
    private const string Reports = "/api/v2/workspaceagents/me/report-stats";

    [Fact]
    public async Task ATraceGoesThroughBothHosts()
    {
        var trace = ActivityTraceId.CreateRandom();
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                options.Parent.TraceId == trace ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.None,
            ActivityStopped = span =>
            {
                if (span.TraceId == trace)
                {
                    spans.Enqueue(span);
                }
            },
        };
        await using var edge = await TestNode.StartAsync();
        ActivitySource.AddActivityListener(listener);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v2/buildinfo");
        request.Headers.Add("traceparent", $"00-{trace}-b7ad6b7169203331-01");

        using var answer = await edge.Public.SendAsync(request).WaitAsync(TestNode.Patience);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await Eventually.TrueAsync(() => spans.Count == 2, "both hosts have ended their spans");
        var outer = Assert.Single(spans, static span => span.ParentSpanId.ToHexString() == "b7ad6b7169203331");
        Assert.Single(spans, span => span.ParentSpanId == outer.SpanId);
    }

    [Fact]
    public async Task ABodyWithoutALengthThatGrowsTooLargeOnItsWayIs413()
    {
        await using var edge = await TestNode.StartAsync("Edge:Limits:MaxRequestBodySize=1000");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);
        await client.SendAsync(
            $"POST {Reports} HTTP/1.1\r\nHost: x\r\nCoder-Session-Token: {AgentToken(edge)}\r\nTransfer-Encoding: chunked\r\n"
            + $"Connection: close\r\n\r\n2\r\n{{ \r\n400\r\n{new string(' ', 1024)}\r\n");

        var answer = await client.ReceiveAllAsync();

        Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal);
        Assert.Contains("The max request body size is 1000 bytes", answer, StringComparison.Ordinal);
        Assert.DoesNotContain(edge.Log.Lines, static line => line.StartsWith("Error ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AReportInPiecesIsReadAsOne()
    {
        await using var edge = await TestNode.StartAsync();
        using var client = await AnnounceAsync(edge, AgentToken(edge));

        // The API server reads the body, so the client gets 100 Continue.
        Assert.StartsWith("HTTP/1.1 100 ", await client.ReceiveUntilAsync("\r\n\r\n"), StringComparison.Ordinal);
        await client.SendAsync("{\"connection");
        await client.SendAsync("_count\":1}");

        Assert.Contains("\"report_interval\":", await client.ReceiveAllAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhoIsRefusedBeforeItsBodyIsNotAskedForIt()
    {
        await using var edge = await TestNode.StartAsync();
        using var client = await AnnounceAsync(edge, Guid.NewGuid().ToString());

        Assert.StartsWith("HTTP/1.1 401 ", await client.ReceiveUntilAsync("\r\n\r\n"), StringComparison.Ordinal);
    }

    // A report of 22 bytes, which the client sends only after 100 Continue.
    private static async Task<RawClient> AnnounceAsync(TestNode edge, string token)
    {
        var client = await RawClient.ConnectAsync(edge.PublicUrl);
        await client.SendAsync(
            $"POST {Reports} HTTP/1.1\r\nHost: x\r\nCoder-Session-Token: {token}\r\nExpect: 100-continue\r\nContent-Length: 22\r\n"
                + "Connection: close\r\n\r\n");
        return client;
    }

    private static string AgentToken(TestNode edge) => Bootstrapped.AgentToken(edge.Node.Data.File("bootstrap.json"));
}
