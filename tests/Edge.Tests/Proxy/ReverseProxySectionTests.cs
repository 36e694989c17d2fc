using Edge.Proxy;
using Edge.Settings;
using Edge.Telemetry;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Edge.Tests.Proxy;

/// <summary>The operator's section when its file goes away under a running node.</summary>
public sealed class ReverseProxySectionTests : IDisposable
{
    private const string Json = """
        {
          "ReverseProxy": {
            "Routes": { "r": { "ClusterId": "c", "Match": { "Path": "/a" } } },
            "Clusters": { "c": { "Destinations": { "d": { "Address": "http://127.0.0.1:1" } } } }
          }
        }
        """;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void ASectionWithoutRoutesKeepsTheOldOneAndTheNextGoodOneCounts()
    {
        var log = new CapturedLog();
        using var services = new ServiceCollection()
            .AddMetrics().AddSingleton<ReloadMetrics>().AddSingleton<ReloadLog>().AddLogging(logging => logging.AddProvider(log))
            .BuildServiceProvider();
        using var configuration = new ConfigurationManager();
        File.WriteAllText(_directory.File("appsettings.json"), Json);
        configuration.SetBasePath(_directory.Path);
        ((IConfigurationBuilder)configuration).Add(new SettingsFileSource { Path = "appsettings.json", Optional = true });
        using var section = new ReverseProxySection(configuration.GetSection("ReverseProxy"), services.GetRequiredService<ReloadLog>());
        var first = section.GetConfig();

        File.Delete(_directory.File("appsettings.json"));
        ((IConfigurationRoot)configuration).Reload();

        Assert.Same(first, section.GetConfig());
        Assert.False(first.ChangeToken.HasChanged);
        Assert.Contains("ReverseProxy:Routes: no route is left", Assert.Single(log.Lines), StringComparison.Ordinal);

        File.WriteAllText(_directory.File("appsettings.json"), Json.Replace("/a", "/b", StringComparison.Ordinal));
        ((IConfigurationRoot)configuration).Reload();

        Assert.True(first.ChangeToken.HasChanged);
        Assert.Equal("/b", Assert.Single(section.GetConfig().Routes).Match.Path);
    }
}
