using Edge.InProcess;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Edge.Tests.InProcess;

/// <summary>A Kestrel host without a socket, and a client that reaches it.</summary>
internal sealed class InProcessHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private InProcessHost(WebApplication app, InProcessEndPoint endPoint)
    {
        _app = app;
        EndPoint = endPoint;
        Client = ClientOf(endPoint);
    }

    public InProcessEndPoint EndPoint { get; }

    public HttpClient Client { get; }

    public static async Task<InProcessHost> StartAsync(RequestDelegate handler)
    {
        var endPoint = new InProcessEndPoint();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IConnectionListenerFactory, InProcessListenerFactory>();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(endPoint);
        });
        var app = builder.Build();
        app.Run(handler);
        await app.StartAsync();
        return new InProcessHost(app, endPoint);
    }

    public static HttpClient ClientOf(InProcessEndPoint endPoint) => new(new SocketsHttpHandler
    {
        UseCookies = false,
        UseProxy = false,
        ConnectCallback = (_, _) => ValueTask.FromResult(endPoint.Connect()),
    })
    {
        BaseAddress = new Uri("http://api.invalid"),
        Timeout = Timeout.InfiniteTimeSpan,
    };

    public Task StopAsync() => _app.StopAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
    }
}
