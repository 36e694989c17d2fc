using Edge.InProcess;
using Edge.Proxy;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Edge.Tests.InProcess;

/// <summary>A host on a socket that hands what it gets to another one in its process.</summary>
internal sealed class InProcessHost : IAsyncDisposable
{
    private readonly WebApplication _edge;
    private readonly WebApplication _api;

    private InProcessHost(WebApplication edge, WebApplication api)
    {
        (_edge, _api) = (edge, api);
        Client = new HttpClient
        {
            BaseAddress = new Uri(edge.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()),
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    public HttpClient Client { get; }

    /// <param name="handler">The inner host's.</param>
    /// <param name="around">What the outer one does around it; by default nothing.</param>
    /// <param name="services">The inner host's services.</param>
    public static async Task<InProcessHost> StartAsync(
        RequestDelegate handler, Func<HttpContext, Func<Task>, Task>? around = null, Action<IServiceCollection>? services = null)
    {
        var requests = new InProcessApplication();
        var api = CreateBuilder();
        api.Services.AddInProcess(requests);
        api.Services.AddHttpContextAccessor();
        services?.Invoke(api.Services);
        var inner = api.Build();
        inner.Run(handler);
        await inner.StartAsync();

        var edge = CreateBuilder();
        edge.Services.AddHttpContextAccessor();
        edge.WebHost.ConfigureKestrel(static kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        var outer = edge.Build();
        var embedded = new EmbeddedApi(static context => context.Response.WriteAsync("upgrades"), requests);
        outer.Run(context => around is null ? embedded.InvokeAsync(context) : around(context, () => embedded.InvokeAsync(context)));
        await outer.StartAsync();
        return new InProcessHost(outer, inner);
    }

    /// <summary>Stops the inner one.</summary>
    public Task StopAsync() => _api.StopAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _edge.DisposeAsync();
        await _api.DisposeAsync();
    }

    private static WebApplicationBuilder CreateBuilder()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Logging.ClearProviders();
        return builder;
    }
}
