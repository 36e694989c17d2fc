using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Edge.Tests.Telemetry;

/// <summary>A Kestrel on a port of its own.</summary>
internal static class TestServer
{
    /// <summary>Starts one; <paramref name="configure"/> may add services and settings, <paramref name="map"/> the endpoints.</summary>
    public static async Task<WebApplication> StartAsync(
        Action<WebApplication> map, Action<WebApplicationBuilder>? configure = null, Dictionary<string, string?>? settings = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(settings);
        configure?.Invoke(builder);
        var app = builder.Build();
        map(app);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }
}
