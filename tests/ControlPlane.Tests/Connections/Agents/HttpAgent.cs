using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Tests.Connections.Agents;

/// <summary>The HTTP port of an agent: a test gives it the routes of an age. Any other path is 404 in plain text.</summary>
internal sealed class HttpAgent : IAsyncDisposable
{
    private readonly WebApplication _app;

    private HttpAgent(WebApplication app) => _app = app;

    /// <summary>The handlers by method and path, such as <c>GET /api/v0/containers</c>.</summary>
    public Dictionary<string, RequestDelegate> Routes { get; } = [];

    /// <summary>The requests, in the form of <see cref="Routes"/>.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    /// <summary>The headers of the last request.</summary>
    public Dictionary<string, string> Headers { get; private set; } = [];

    public IPEndPoint Address { get; private set; } = null!;

    public static async Task<HttpAgent> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var agent = new HttpAgent(app);
        app.UseWebSockets();
        app.Run(agent.HandleAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        var url = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        agent.Address = new IPEndPoint(IPAddress.Loopback, url.Port);
        return agent;
    }

    /// <summary>Adds a route that answers JSON.</summary>
    public HttpAgent Answer(string route, string json, int status = 200)
    {
        Routes[route] = async context =>
        {
            context.Response.StatusCode = status;
            context.Response.ContentType = "application/json";
            await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(json));
        };
        return this;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task HandleAsync(HttpContext context)
    {
        var route = $"{context.Request.Method} {context.Request.Path}";
        Requests.Enqueue(route);
        Headers = context.Request.Headers.ToDictionary(
            static header => header.Key, static header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase);
        if (Routes.TryGetValue(route, out var handler))
        {
            await handler(context);
            return;
        }

        context.Response.StatusCode = StatusCodes.Status404NotFound;
        context.Response.ContentType = "text/plain; charset=utf-8";
        await context.Response.WriteAsync("404 page not found\n");
    }
}
