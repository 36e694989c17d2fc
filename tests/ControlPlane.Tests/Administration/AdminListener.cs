using System.Net;
using ControlPlane.Administration;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Tests.Administration;

/// <summary>An API server, and beside it a host that lets everybody administer it.</summary>
internal sealed class AdminListener : IAsyncDisposable
{
    private readonly WebApplication _app;

    private AdminListener(WebApplication app, ApiServer server)
    {
        _app = app;
        Server = server;
    }

    public ApiServer Server { get; }

    /// <summary>Its address, without a final slash.</summary>
    public string Url => _app.Urls.Single();

    public IEnumerable<Microsoft.AspNetCore.Http.Endpoint> Endpoints =>
        ((IEndpointRouteBuilder)_app).DataSources.SelectMany(static source => source.Endpoints);

    public static async Task<AdminListener> StartAsync(
        Func<string, ControlPlaneOptions>? options = null, bool withoutServer = false, ILoggerProvider? log = null)
    {
        var server = await ApiServer.StartAsync(options, log: log);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Services.AddRoutingCore();
        if (log is not null)
        {
            builder.Logging.SetMinimumLevel(LogLevel.Trace).AddProvider(log);
        }

        var app = builder.Build();
        app.MapAdministration(() => withoutServer ? null : server.Services);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new AdminListener(app, server);
    }

    public Task<Answer> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public Task<Answer> PostAsync(string path, object? body = null) => SendAsync(HttpMethod.Post, path, body ?? new { });

    public Task<Answer> DeleteAsync(string path) => SendAsync(HttpMethod.Delete, path);

    public Task<Answer> SendAsync(HttpMethod method, string path, object? body = null) =>
        Server.SendAsync(method, Url + AdministrationApi.Root + path, null, body);

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        await Server.DisposeAsync();
    }
}
