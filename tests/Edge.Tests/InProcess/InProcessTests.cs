using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Edge.Tests.InProcess;

public class InProcessTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ARequestIsAnsweredOnTheThreadThatHandsItOn()
    {
        var inner = 0;
        var isDone = false;
        await using var host = await InProcessHost.StartAsync(
            context =>
            {
                inner = Environment.CurrentManagedThreadId;
                return context.Response.WriteAsync("here");
            },
            async (_, forward) =>
            {
                var outer = Environment.CurrentManagedThreadId;
                var forwarded = forward();
                isDone = forwarded.IsCompleted && inner == outer;
                await forwarded;
            });

        Assert.Equal("here", await host.Client.GetStringAsync("/", Cancel));
        Assert.True(isDone);
    }

    [Fact]
    public async Task TheRequestAndTheAnswerAreTheClients()
    {
        await using var host = await InProcessHost.StartAsync(
            static async context =>
            {
                var request = context.Request;
                context.Response.StatusCode = StatusCodes.Status418ImATeapot;
                context.Response.Headers["X-Seen"] = $"{request.Method} {request.Scheme} {request.Path}{request.QueryString} "
                    + $"{request.Headers["X-Sent"]} {context.TraceIdentifier}";
                context.Response.ContentType = "text/plain";
                using var reader = new StreamReader(request.Body);
                await context.Response.WriteAsync(await reader.ReadToEndAsync() + context.Connection.RemoteIpAddress);
            },
            static (context, forward) =>
            {
                context.TraceIdentifier = "traced";
                return forward();
            });
        using var message = new HttpRequestMessage(HttpMethod.Put, "/a%20b?c=d") { Content = new StringContent("body from ") };
        message.Headers.Add("X-Sent", "sent");

        using var answer = await host.Client.SendAsync(message, Cancel);

        Assert.Equal((HttpStatusCode)418, answer.StatusCode);
        Assert.Equal("PUT http /a%20b?c=d sent traced", answer.Headers.GetValues("X-Seen").Single());
        Assert.Equal("text/plain", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal("body from 127.0.0.1", await answer.Content.ReadAsStringAsync(Cancel));
    }

    /// <summary>Neither services nor items nor endpoints nor what can be switched to: all of that is the outer host's own.</summary>
    [Fact]
    public async Task NothingElseOfTheOuterHostIsSeen()
    {
        var flows = new AsyncLocal<string>();
        var mark = new object();
        string? seen = null;
        var outerKeepsItsOwn = false;
        await using var host = await InProcessHost.StartAsync(
            context =>
            {
                seen = $"{ReferenceEquals(context.RequestServices.GetService<object>(), mark)} {context.GetEndpoint() is null} "
                    + $"{context.Items.Count} {flows.Value is null} {context.Features.Get<IHttpUpgradeFeature>() is null} "
                    + $"{context.RequestServices.GetRequiredService<IHttpContextAccessor>().HttpContext == context} "
                    + $"{context.Features.Any(static feature => feature.Value is null)} "
                    + $"{context.Features.Count(static feature => feature.Key == typeof(IHttpRequestFeature))}";
                return Task.CompletedTask;
            },
            async (context, forward) =>
            {
                var accessor = context.RequestServices.GetRequiredService<IHttpContextAccessor>();
                context.SetEndpoint(new Endpoint(null, null, "outer"));
                context.Items["outer"] = true;
                flows.Value = "outer";
                await forward();
                outerKeepsItsOwn = accessor.HttpContext == context && flows.Value == "outer"
                    && context.GetEndpoint()?.DisplayName == "outer"
                    && context.RequestServices.GetService<object>() is null;
            },
            services => services.AddSingleton(mark));

        using var answer = await host.Client.GetAsync("/", Cancel);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("True True 0 True True True False 1", seen);
        Assert.True(outerKeepsItsOwn);
    }

    [Fact]
    public async Task ScopedServicesLiveAsLongAsTheAnswer()
    {
        var disposed = new TaskCompletionSource();
        await using var host = await InProcessHost.StartAsync(
            async context =>
            {
                Assert.NotNull(context.RequestServices.GetRequiredService<Scoped>());
                await context.Response.WriteAsync($"{disposed.Task.IsCompleted}");
            },
            services: services => services.AddScoped(_ => new Scoped(disposed)));

        Assert.Equal("False", await host.Client.GetStringAsync("/", Cancel));
        await disposed.Task.WaitAsync(Guard, Cancel);
    }

    [Fact]
    public async Task TheSpanOfTheEdgeIsTheParentOfTheApiServers()
    {
        string? parent = null;
        string? own = null;
        await using var host = await InProcessHost.StartAsync(
            context =>
            {
                parent = context.Request.Headers.TraceParent;
                return Task.CompletedTask;
            },
            async (_, forward) =>
            {
                using var span = new Activity("edge").SetIdFormat(ActivityIdFormat.W3C).Start();
                own = span.Id;
                await forward();
            });
        using var message = new HttpRequestMessage(HttpMethod.Get, "/");
        message.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

        using var answer = await host.Client.SendAsync(message, Cancel);

        Assert.NotNull(own);
        Assert.Equal(own, parent);
    }

    [Fact]
    public async Task AClientThatGoesIsNoticedWhileItsRequestRuns()
    {
        var entered = new TaskCompletionSource();
        var noticed = new TaskCompletionSource();
        await using var host = await InProcessHost.StartAsync(async context =>
        {
            using var gone = context.RequestAborted.Register(noticed.SetResult);
            entered.SetResult();
            await noticed.Task;
        });
        using var patience = new CancellationTokenSource();

        var asking = host.Client.GetAsync("/", patience.Token);
        await entered.Task.WaitAsync(Guard, Cancel);
        await patience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        await noticed.Task.WaitAsync(Guard, Cancel);
    }

    /// <summary>What the outer pipeline puts in place of the client's life time counts too: requests that wait end with the node.</summary>
    [Fact]
    public async Task ALifeTimeOfTheOuterPipelineHolds()
    {
        using var stopping = new CancellationTokenSource();
        var entered = new TaskCompletionSource();
        await using var host = await InProcessHost.StartAsync(
            async context =>
            {
                entered.SetResult();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.Delay(Timeout.Infinite, context.RequestAborted));
                await context.Response.WriteAsync("stopped");
            },
            async (context, forward) =>
            {
                context.Features.Set<IHttpRequestLifetimeFeature>(new HttpRequestLifetimeFeature { RequestAborted = stopping.Token });
                await forward();
            });

        var asking = host.Client.GetStringAsync("/", Cancel);
        await entered.Task.WaitAsync(Guard, Cancel);
        await stopping.CancelAsync();

        Assert.Equal("stopped", await asking.WaitAsync(Guard, Cancel));
    }

    [Fact]
    public async Task AnAnswerThatIsBrokenOffIsNoWholeAnswer()
    {
        await using var host = await InProcessHost.StartAsync(static async context =>
        {
            await context.Response.WriteAsync("half");
            await context.Response.Body.FlushAsync();
            context.Abort();
        });

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => host.Client.GetStringAsync("/", Cancel));
    }

    [Fact]
    public async Task AFailureIsTheOuterHosts()
    {
        await using var host = await InProcessHost.StartAsync(
            static _ => throw new InvalidTimeZoneException("inner"),
            static async (context, forward) =>
            {
                var error = await Assert.ThrowsAsync<InvalidTimeZoneException>(() => forward());
                await context.Response.WriteAsync(error.Message);
            });

        Assert.Equal("inner", await host.Client.GetStringAsync("/", Cancel));
    }

    /// <summary>The limit of the outer server, which also the inner host's handlers may lower.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ABodyIsHeldToTheLimit(bool hasLength)
    {
        await using var host = await InProcessHost.StartAsync(static async context =>
        {
            context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = 1000;
            var refused = await Assert.ThrowsAnyAsync<BadHttpRequestException>(() => context.Request.Body.CopyToAsync(Stream.Null));
            context.Response.StatusCode = refused.StatusCode;
        });
        using var message = new HttpRequestMessage(HttpMethod.Post, "/") { Content = new ByteArrayContent(new byte[1001]) };
        message.Headers.TransferEncodingChunked = !hasLength;

        using var answer = await host.Client.SendAsync(message, Cancel);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
    }

    [Fact]
    public async Task MuchGoesBothWaysAtOnce()
    {
        await using var host = await InProcessHost.StartAsync(static async context =>
        {
            var piece = new byte[10_000];
            while (await context.Request.Body.ReadAsync(piece) is > 0 and var count)
            {
                await context.Response.Body.WriteAsync(piece.AsMemory(0, count));
            }
        });
        var body = RandomNumberGenerator.GetBytes(4 << 20);

        using var answer = await host.Client.PostAsync("/", new ByteArrayContent(body), Cancel);

        Assert.Equal(body, await answer.Content.ReadAsByteArrayAsync(Cancel));
    }

    [Fact]
    public async Task PiecesReachTheClientAsTheyAreFlushed()
    {
        var next = new SemaphoreSlim(0);
        await using var host = await InProcessHost.StartAsync(async context =>
        {
            foreach (var letter in "abc")
            {
                await context.Response.WriteAsync(letter.ToString());
                await context.Response.Body.FlushAsync();
                await next.WaitAsync(context.RequestAborted);
            }
        });
        using var answer = await host.Client.GetAsync("/", HttpCompletionOption.ResponseHeadersRead, Cancel);
        await using var body = await answer.Content.ReadAsStreamAsync(Cancel);

        foreach (var letter in "abc")
        {
            var piece = new byte[10];
            Assert.Equal(1, await body.ReadAsync(piece, Cancel).AsTask().WaitAsync(Guard, Cancel));
            Assert.Equal(letter, (char)piece[0]);
            next.Release();
        }
    }

    [Fact]
    public async Task AServerThatHasStoppedIsOneThatCannotBeReached()
    {
        await using var host = await InProcessHost.StartAsync(static context => context.Response.WriteAsync("running"));
        Assert.Equal("running", await host.Client.GetStringAsync("/", Cancel));

        await host.StopAsync();

        using var answer = await host.Client.GetAsync("/", Cancel);
        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Contains("could not be reached", await answer.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task UpgradesAreLeftToTheProxy()
    {
        await using var host = await InProcessHost.StartAsync(static context => context.Response.WriteAsync("requests"));
        using var message = new HttpRequestMessage(HttpMethod.Get, "/");
        message.Headers.Add("Connection", "Upgrade");
        message.Headers.Add("Upgrade", "websocket");
        message.Headers.Add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        message.Headers.Add("Sec-WebSocket-Version", "13");

        using var answer = await host.Client.SendAsync(message, Cancel);

        Assert.Equal("upgrades", await answer.Content.ReadAsStringAsync(Cancel));
    }

    private sealed class Scoped(TaskCompletionSource disposed) : IDisposable
    {
        public void Dispose() => disposed.TrySetResult();
    }
}
