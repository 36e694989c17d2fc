using System.Net.Sockets;
using System.Text;
using Edge.Settings;
using Edge.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace Edge.Tests.Telemetry;

public sealed class LoggingSetupTests
{
    private const string Secret = "pbqdz-hidden";

    private static readonly Dictionary<string, string?> Everything = new()
    {
        ["Logging:LogLevel:Default"] = "Trace",
        ["Logging:LogLevel:Microsoft"] = "Trace",
        ["Logging:LogLevel:System"] = "Trace",
        ["Logging:LogLevel:Yarp"] = "Trace",
        ["Logging:LogLevel:Microsoft.AspNetCore.Hosting.Diagnostics"] = "Trace",
        ["Logging:LogLevel:Microsoft.AspNetCore.Server.Kestrel.BadRequests"] = "Trace",
        ["Logging:LogLevel:Microsoft.AspNetCore.HttpLogging.HttpLoggingMiddleware"] = "Trace",
        ["Logging:Console:LogLevel:Default"] = "Trace",
        ["Logging:Console:LogLevel:Microsoft.AspNetCore.Hosting.Diagnostics"] = "Trace",
        ["Logging:Console:LogLevel:Microsoft.AspNetCore.Http*"] = "Trace",
    };

    [Fact]
    public async Task NoConfigurationBringsQueriesOrCredentialsIntoTheLog()
    {
        using var logs = new CapturedLogs();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(Everything);
        builder.Logging.AddEdgeLogging(builder.Configuration);
        builder.Logging.AddProvider(logs);
        builder.Services.AddHttpLogging(static options => options.LoggingFields = Microsoft.AspNetCore.HttpLogging.HttpLoggingFields.All);
        builder.Services.AddReverseProxy().LoadFromMemory(
            [new() { RouteId = "r", ClusterId = "c", Match = new() { Path = "/proxied" } }],
            [new() { ClusterId = "c", Destinations = new Dictionary<string, Yarp.ReverseProxy.Configuration.DestinationConfig>
            {
                ["d"] = new() { Address = "http://127.0.0.1:1/" },
            } }]);
        builder.WebHost.ConfigureKestrel(
            static options => options.Listen(System.Net.IPAddress.Loopback, 0, static listen => listen.UseConnectionLogging()));
        await using var app = builder.Build();
        app.UseHttpLogging();
        app.MapReverseProxy();
        app.MapGet("/bound", static (int? n) => n);
        app.MapGet("/moved", static (HttpContext context) => Results.Redirect($"/elsewhere{context.Request.QueryString}"));
        await app.StartAsync(TestContext.Current.CancellationToken);
        var address = new Uri(app.Urls.First());

        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = address };
        foreach (var path in (string[])["bound", "moved", "proxied", "missing"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"{path}?n={Secret}&coder_session_token={Secret}");
            request.Headers.Add("Authorization", $"Bearer {Secret}");
            request.Headers.Add("Coder-Session-Token", Secret);
            request.Headers.Add("Cookie", $"coder_session_token={Secret}");
            using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        }

        await SendRaw(address, $"GET /?token={Secret} HTTP/1.1 nonsense\r\n\r\n");
        await SendRaw(address, $"GET / HTTP/1.1\r\nHost: x\r\n Authorization {Secret}\r\n\r\n");
        await SendRaw(address, $"GET / HTTP/1.1\r\nHost: {Secret}?@\r\n\r\n");
        await app.StopAsync(TestContext.Current.CancellationToken);

        // The rest of the framework does log at Trace here: the configuration works.
        Assert.Contains(logs.Lines, static line => line.StartsWith("Microsoft.AspNetCore.Routing.", StringComparison.Ordinal));
        Assert.Contains(
            logs.Lines,
            static line => line.StartsWith("Microsoft.AspNetCore.Server.Kestrel.Connections|Debug", StringComparison.Ordinal));
        Assert.DoesNotContain(logs.Lines, static line => line.Contains(Secret, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public void TheFrameworkIsQuietByDefaultAndTheProductIsNot()
    {
        using var services = Services(new Dictionary<string, string?>());
        var factory = services.GetRequiredService<ILoggerFactory>();
        Assert.True(factory.CreateLogger("Edge.Drain").IsEnabled(LogLevel.Information));
        Assert.True(factory.CreateLogger("ControlPlane").IsEnabled(LogLevel.Information));
        Assert.False(factory.CreateLogger("Edge.Drain").IsEnabled(LogLevel.Debug));
        foreach (var category in (string[])["Microsoft.AspNetCore.Routing", "Yarp.ReverseProxy.Health", "System.Net"])
        {
            Assert.False(factory.CreateLogger(category).IsEnabled(LogLevel.Information));
            Assert.True(factory.CreateLogger(category).IsEnabled(LogLevel.Warning));
        }
    }

    [Fact]
    public void ConfigurationChangesLevelsButNotWhatIsForbidden()
    {
        using var services = Services(Everything);
        var factory = services.GetRequiredService<ILoggerFactory>();
        Assert.True(factory.CreateLogger("Edge").IsEnabled(LogLevel.Trace));
        Assert.True(factory.CreateLogger("Yarp.ReverseProxy.Health").IsEnabled(LogLevel.Trace));
        var diagnostics = factory.CreateLogger("Microsoft.AspNetCore.Hosting.Diagnostics");
        Assert.False(diagnostics.IsEnabled(LogLevel.Information));
        Assert.False(diagnostics.IsEnabled(LogLevel.Critical));
        Assert.False(factory.CreateLogger("Microsoft.AspNetCore.HttpLogging.HttpLoggingMiddleware").IsEnabled(LogLevel.Critical));
        Assert.False(factory.CreateLogger("Yarp.ReverseProxy.Forwarder.HttpForwarder").IsEnabled(LogLevel.Information));
    }

    [Fact]
    public void AReloadDoesNotLiftTheBan()
    {
        var source = new ConfigurationManager();
        using var services = ServicesOf(source);
        var logger = services.GetRequiredService<ILoggerFactory>().CreateLogger("Microsoft.AspNetCore.Hosting.Diagnostics");
        var routing = services.GetRequiredService<ILoggerFactory>().CreateLogger("Microsoft.AspNetCore.Routing");
        Assert.False(routing.IsEnabled(LogLevel.Debug));

        source.AddInMemoryCollection(Everything);
        Assert.True(routing.IsEnabled(LogLevel.Debug));
        Assert.False(logger.IsEnabled(LogLevel.Information));
    }

    [Fact]
    public void TheConsoleIsOneLineInUtcUnlessConfiguredOtherwise()
    {
        using (var services = Services(new Dictionary<string, string?>()))
        {
            Assert.Equal("simple", services.GetRequiredService<IOptions<ConsoleLoggerOptions>>().Value.FormatterName);
            var simple = services.GetRequiredService<IOptions<SimpleConsoleFormatterOptions>>().Value;
            Assert.True(simple is { SingleLine: true, UseUtcTimestamp: true, TimestampFormat.Length: > 0 });
        }

        using var json = Services(new()
        {
            ["Logging:Console:FormatterName"] = "json",
            ["Logging:Console:FormatterOptions:SingleLine"] = "false",
        });
        Assert.Equal("json", json.GetRequiredService<IOptions<ConsoleLoggerOptions>>().Value.FormatterName);
        Assert.False(json.GetRequiredService<IOptions<SimpleConsoleFormatterOptions>>().Value.SingleLine);
    }

    [Fact]
    public void AnUnknownFormatterStopsTheStart()
    {
        var e = Assert.Throws<SettingsException>(() => Services(new() { ["Logging:Console:FormatterName"] = "xml" }));
        Assert.Equal("Logging:Console:FormatterName = \"xml\": allowed are simple, json", e.Message);
    }

    private static ServiceProvider Services(Dictionary<string, string?> settings) =>
        ServicesOf(new ConfigurationBuilder().AddInMemoryCollection(settings).Build());

    private static ServiceProvider ServicesOf(IConfiguration configuration) => new ServiceCollection()
        .AddLogging(logging => logging.AddEdgeLogging(configuration))
        .BuildServiceProvider();

    private static async Task SendRaw(Uri address, string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, TestContext.Current.CancellationToken);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(client.GetStream());
        var answer = await reader.ReadToEndAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(20));
        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
    }
}
