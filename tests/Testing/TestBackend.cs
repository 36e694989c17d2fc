using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Testing;

/// <summary>
/// An API server of the test's own: answers <c>/healthz</c> as it is told, and everything else with the handler given.
/// </summary>
public sealed class TestBackend : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _probes;

    private TestBackend(WebApplication app) => _app = app;

    /// <summary>Whether <c>/healthz</c> says that all is well.</summary>
    public bool Healthy { get; set; } = true;

    /// <summary>How many probes were answered with yes.</summary>
    public int Probes => Volatile.Read(ref _probes);

    /// <summary>Every request but the probes, as <c>GET /path?query</c>.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    public string Url => _app.Urls.First();

    public static async Task<TestBackend> StartAsync(RequestDelegate handler, string url = "http://127.0.0.1:0")
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls(url);
        builder.WebHost.ConfigureKestrel(static kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.ConfigureEndpointDefaults(static listen => listen.Protocols = HttpProtocols.Http1);
        });
        var app = builder.Build();
        var backend = new TestBackend(app);
        app.UseWebSockets();
        app.Run(async context =>
        {
            if (context.Request.Path == "/healthz")
            {
                context.Response.StatusCode = backend.Healthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
                Interlocked.Add(ref backend._probes, backend.Healthy ? 1 : 0);
                return;
            }

            backend.Requests.Enqueue($"{context.Request.Method} {context.Request.Path}{context.Request.QueryString}");
            await handler(context);
        });
        await app.StartAsync();
        return backend;
    }

    /// <summary>Goes away at once, like a process that was killed: the listener closes and connections are cut.</summary>
    public Task KillAsync() => _app.StopAsync(new CancellationToken(canceled: true));

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        await _app.DisposeAsync();
    }
}
