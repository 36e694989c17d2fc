using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace EndToEnd;

/// <summary>Ordinary requests: client → edge → YARP → an API server of the test's own.</summary>
public class RestTests
{
    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    [InlineData("OPTIONS")]
    public async Task EveryMethodReachesTheApiServerWithPathQueryAndBody(string method)
    {
        await using var backend = await TestBackend.StartAsync(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            context.Response.StatusCode = 207;
            context.Response.Headers["X-Of-The-Server"] = "yes";
            await context.Response.WriteAsync(
                $"{context.Request.Method} {context.Request.Path}{context.Request.QueryString} {await reader.ReadToEndAsync()}");
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");

        using var request = new HttpRequestMessage(new HttpMethod(method), "/api/v2/some/where?a=1&b=%20c");
        request.Content = method is "GET" ? null : new StringContent("the body");
        using var answer = await edge.Public.SendAsync(request);

        Assert.Equal(207, (int)answer.StatusCode);
        Assert.Equal("yes", answer.Headers.GetValues("X-Of-The-Server").Single());
        Assert.Equal(
            $"{method} /api/v2/some/where?a=1&b=%20c {(method is "GET" ? "" : "the body")}",
            await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task TheApiServerSeesTheClientsHostAndAddressAndOnlyTheEdgesForwardingHeaders()
    {
        await using var backend = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");

        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v2/users/me");
        request.Headers.Host = "coder.example.com";
        request.Headers.Add("X-Forwarded-For", "6.6.6.6");
        request.Headers.Add("X-Forwarded-Proto", "https");
        request.Headers.Add("X-Forwarded-Host", "evil.example.com");
        request.Headers.Add("X-Forwarded-Prefix", "/evil");
        request.Headers.Add("Forwarded", "for=6.6.6.6");
        request.Headers.Add("X-Real-IP", "6.6.6.6");
        request.Headers.Add("X_Forwarded_For", "6.6.6.6");
        request.Headers.Add("X-Edge-Subject", "root");
        request.Headers.Add("X-Edge-Issuer", "root");
        var seen = await ReadHeadersAsync(edge, request);

        Assert.Equal("coder.example.com", seen["Host"]);
        Assert.Equal("127.0.0.1", seen["X-Forwarded-For"]);
        Assert.Equal("http", seen["X-Forwarded-Proto"]);
        Assert.Equal("coder.example.com", seen["X-Forwarded-Host"]);
        Assert.DoesNotContain(seen, static header => header.Value.Contains("6.6.6.6", StringComparison.Ordinal)
            || header.Value.Contains("evil", StringComparison.Ordinal) || header.Value.Contains("root", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ATrustedProxysForwardingHeadersArePassedOn()
    {
        await using var backend = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var edge = await TestNode.StartAsync(
            "Edge:Mode=edge", $"Edge:Backends={backend.Url}", "Edge:TrustedProxies=127.0.0.0/8");

        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v2/users/me");
        request.Headers.Host = "inner.example.com";
        request.Headers.Add("X-Forwarded-For", "6.6.6.6, 203.0.113.7, 127.0.0.9");
        request.Headers.Add("X-Forwarded-Proto", "https, https");
        request.Headers.Add("X-Forwarded-Host", "coder.example.com");
        var seen = await ReadHeadersAsync(edge, request);

        Assert.Equal("203.0.113.7", seen["X-Forwarded-For"]);
        Assert.Equal("https", seen["X-Forwarded-Proto"]);
        Assert.Equal("coder.example.com", seen["X-Forwarded-Host"]);
        Assert.Equal("inner.example.com", seen["Host"]);
    }

    [Fact]
    public async Task CredentialsPassUntouched()
    {
        await using var backend = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");

        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v2/users/me?coder_session_token=q&access_token=a");
        request.Headers.Add("Cookie", "coder_session_token=c; other=1");
        request.Headers.Add("Coder-Session-Token", "h");
        request.Headers.Add("Authorization", "Bearer b");
        request.Headers.Add("Coder-External-Proxy-Token", "p:s");
        var seen = await ReadHeadersAsync(edge, request);

        Assert.Equal("coder_session_token=c; other=1", seen["Cookie"]);
        Assert.Equal("h", seen["Coder-Session-Token"]);
        Assert.Equal("Bearer b", seen["Authorization"]);
        Assert.Equal("p:s", seen["Coder-External-Proxy-Token"]);
        Assert.Contains("GET /api/v2/users/me?coder_session_token=q&access_token=a", backend.Requests);
    }

    [Fact]
    public async Task ARequestIdIsKeptOrMade()
    {
        await using var backend = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");

        using var given = new HttpRequestMessage(HttpMethod.Get, "/");
        given.Headers.Add("X-Request-ID", "abc-1");
        using var kept = await edge.Public.SendAsync(given);
        using var made = await edge.Public.GetAsync("/");

        Assert.Equal("abc-1", kept.Headers.GetValues("X-Request-ID").Single());
        Assert.Contains("\"abc-1\"", await kept.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Contains(made.Headers.GetValues("X-Request-ID").Single(), await made.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task EventsAreFlushedOneByOne()
    {
        var next = new SemaphoreSlim(0);
        await using var backend = await TestBackend.StartAsync(async context =>
        {
            context.Response.ContentType = "text/event-stream";
            for (var i = 0; i < 3; i++)
            {
                await next.WaitAsync();
                await context.Response.WriteAsync($"data: {i}\n\n");
            }
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");

        next.Release();
        using var answer = await edge.Public.GetAsync("/api/v2/workspaceagents/me/reinit", HttpCompletionOption.ResponseHeadersRead)
            .WaitAsync(TestNode.Patience);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        for (var i = 0; i < 3; i++)
        {
            // The server sends the next event only once this one has come through.
            Assert.Equal($"data: {i}", await reader.ReadLineAsync().WaitAsync(TestNode.Patience));
            Assert.Equal("", await reader.ReadLineAsync().WaitAsync(TestNode.Patience));
            next.Release();
        }
    }

    [Fact]
    public async Task ARequestBodyReachesTheApiServerPieceByPiece()
    {
        var pieces = System.Threading.Channels.Channel.CreateUnbounded<string>();
        await using var backend = await TestBackend.StartAsync(async context =>
        {
            var buffer = new byte[16];
            int read;
            while ((read = await context.Request.Body.ReadAsync(buffer)) > 0)
            {
                await pieces.Writer.WriteAsync(Encoding.ASCII.GetString(buffer, 0, read));
            }

            await context.Response.WriteAsync("done");
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        using var client = await RawClient.ConnectAsync(edge.PublicUrl);

        await client.SendAsync("POST /api/v2/files HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
        Assert.Equal("one", await pieces.Reader.ReadAsync().AsTask().WaitAsync(TestNode.Patience));
        await client.SendAsync("3\r\ntwo\r\n");
        Assert.Equal("two", await pieces.Reader.ReadAsync().AsTask().WaitAsync(TestNode.Patience));
        await client.SendAsync("0\r\n\r\n");
        Assert.Contains("done", await client.ReceiveUntilAsync("done"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutAnyApiServerTheAnswerIs502WithTheApisErrorAndARetryAfter()
    {
        var backend = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");
        await backend.DisposeAsync();

        using var answer = await edge.Public.GetAsync("/api/v2/users/me");

        Assert.Contains(answer.StatusCode, new[] { HttpStatusCode.BadGateway, HttpStatusCode.ServiceUnavailable });
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        Assert.NotEmpty((await answer.Content.ReadFromJsonAsync<JsonObject>())!["message"]!.GetValue<string>());
    }

    [Fact]
    public async Task AnApiServerThatBreaksOffInItsHeadIs502()
    {
        await using var backend = await TestBackend.StartAsync(static context =>
        {
            context.Abort();
            return Task.CompletedTask;
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");

        using var answer = await edge.Public.GetAsync("/api/v2/users/me");

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Contains("message", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnApiServersOwnErrorsComeThroughAsTheyAre()
    {
        await using var backend = await TestBackend.StartAsync(static context =>
        {
            context.Response.StatusCode = int.Parse(context.Request.Query["status"]!, System.Globalization.CultureInfo.InvariantCulture);
            return context.Response.WriteAsync("{\"message\":\"mine\"}");
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");

        foreach (var status in new[] { 400, 401, 404, 409, 500, 503 })
        {
            using var answer = await edge.Public.GetAsync($"/x?status={status}");
            Assert.Equal(status, (int)answer.StatusCode);
            Assert.Equal("{\"message\":\"mine\"}", await answer.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task A426KeepsItsUpgradeHeader()
    {
        await using var backend = await TestBackend.StartAsync(static context =>
        {
            context.Response.StatusCode = 426;
            context.Response.Headers.Upgrade = "websocket";
            return Task.CompletedTask;
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends={backend.Url}");

        using var answer = await edge.Public.GetAsync("/api/v2/workspaceagents/x/logs?follow");

        Assert.Equal(HttpStatusCode.UpgradeRequired, answer.StatusCode);
        Assert.Equal("websocket", answer.Headers.Upgrade.ToString());
    }

    [Fact]
    public async Task AnApiServerThatDoesNotAnswerAConnectionIsAFailureToConnect()
    {
        // The backlog is full: the kernel drops further connection requests.
        using var listener = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(0);
        var target = (IPEndPoint)listener.LocalEndPoint!;
        using var first = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        await first.ConnectAsync(target);
        using var second = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        var hanging = second.ConnectAsync(target);

        var connector = new Edge.Proxy.BackendConnector(null, TimeSpan.FromMilliseconds(200));
        var error = await Assert.ThrowsAsync<System.Net.Sockets.SocketException>(
            () => connector.ConnectAsync(new DnsEndPoint("127.0.0.1", target.Port), CancellationToken.None).WaitAsync(TestNode.Patience));

        Assert.Equal(System.Net.Sockets.SocketError.TimedOut, error.SocketErrorCode);
    }

    [Fact]
    public async Task ABodyOverTheLimitIs413()
    {
        await using var backend = await TestBackend.StartAsync(static async context => await context.Request.Body.CopyToAsync(Stream.Null));
        await using var edge = await TestNode.StartAsync(
            "Edge:Mode=edge", $"Edge:Backends={backend.Url}", "Edge:Limits:MaxRequestBodySize=1000");

        using var answer = await edge.Public.PostAsync("/x", new StringContent(new string('x', 2000), Encoding.ASCII));

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Contains("message", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhenOneOfTwoApiServersDiesOnlyWhatWasInFlightOnItFails()
    {
        var entered = new SemaphoreSlim(0);
        var hold = new TaskCompletionSource();
        async Task AnswerAsync(HttpContext context)
        {
            if (context.Request.Path == "/slow")
            {
                entered.Release();
                await hold.Task;
            }

            await context.Response.WriteAsync("fine");
        }

        var dying = await TestBackend.StartAsync(AnswerAsync);
        await using var staying = await TestBackend.StartAsync(AnswerAsync);
        await using var edge = await TestNode.StartAsync(
            "Edge:Mode=edge", $"Edge:Backends:0={dying.Url}", $"Edge:Backends:1={staying.Url}");

        // A request in flight on each, so that the one on the dying server is allowed to fail.
        var inFlight = new List<Task<HttpResponseMessage>>();
        do
        {
            inFlight.Add(edge.Public.GetAsync("/slow"));
            await entered.WaitAsync().WaitAsync(TestNode.Patience);
        }
        while (!dying.Requests.Contains("GET /slow") || !staying.Requests.Contains("GET /slow"));

        var onDying = dying.Requests.Count(static request => request == "GET /slow");
        await dying.DisposeAsync();
        for (var i = 0; i < 200; i++)
        {
            Assert.Equal("fine", await edge.Public.GetStringAsync($"/quick/{i}"));
        }

        hold.SetResult();
        var answers = await Task.WhenAll(inFlight);
        Assert.Equal(onDying, answers.Count(static answer => !answer.IsSuccessStatusCode));
    }

    [Fact]
    public async Task APostThatFoundNoConnectionGoesToTheOtherServerWithItsBody()
    {
        var dead = await TestBackend.StartAsync(Echo.HeadersAsync);
        await using var alive = await TestBackend.StartAsync(static async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            await context.Response.WriteAsync(await reader.ReadToEndAsync());
        });
        await using var edge = await TestNode.StartAsync("Edge:Mode=edge", $"Edge:Backends:0={dead.Url}", $"Edge:Backends:1={alive.Url}");
        await dead.DisposeAsync();

        for (var i = 0; i < 20; i++)
        {
            using var answer = await edge.Public.PostAsync("/x", new StringContent($"body {i}"));
            Assert.Equal($"body {i}", await answer.Content.ReadAsStringAsync());
        }
    }

    private static async Task<Dictionary<string, string>> ReadHeadersAsync(TestNode edge, HttpRequestMessage request)
    {
        using var answer = await edge.Public.SendAsync(request);
        answer.EnsureSuccessStatusCode();
        var headers = await answer.Content.ReadFromJsonAsync<Dictionary<string, string>>();
        return new Dictionary<string, string>(headers!, StringComparer.OrdinalIgnoreCase);
    }
}
