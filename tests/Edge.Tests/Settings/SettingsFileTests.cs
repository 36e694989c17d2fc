using Edge.Program;
using Edge.Settings;
using Edge.Telemetry;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Edge.Tests.Settings;

/// <summary>Changes of appsettings.json while a node runs.</summary>
public sealed class SettingsFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ConfigurationManager _configuration = new();
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().AddSingleton<ReloadMetrics>().BuildServiceProvider();
    private readonly CapturedLog _log = new();

    public void Dispose()
    {
        _services.Dispose();
        _configuration.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void AFileThatBreaksChangesNothingAndIsSaidOnce()
    {
        using var watch = Start("""{ "Edge": { "Mode": "edge" } }""");

        Write("""{ "Edge": { "Mode": """);
        Write("""{ "Edge": { "Mode": """);

        Assert.Equal("edge", _configuration["Edge:Mode"]);
        Assert.StartsWith("Error ", Assert.Single(_log.Lines), StringComparison.Ordinal);
        Assert.Contains("cannot be read any more; the settings stay as they were", _log.Lines.First(), StringComparison.Ordinal);

        Write("""{ "Edge": { "Mode": "edge" } }""");
        Assert.Equal(2, _log.Lines.Count);
        Assert.Contains("can be read again", _log.Lines.Last(), StringComparison.Ordinal);
    }

    [Fact]
    public void AnEmptyFileIsABrokenOne()
    {
        using var watch = Start("""{ "Edge": { "Mode": "edge" } }""");
        Write("");
        Assert.Equal("edge", _configuration["Edge:Mode"]);
    }

    [Fact]
    public void AFileThatIsBrokenAtTheStartThrows()
    {
        File.WriteAllText(_directory.File("appsettings.json"), "{");
        Assert.Throws<InvalidDataException>(Add);
    }

    [Fact]
    public void AChangeThatTakesEffectAtTheNextStartIsNamedWithoutItsValue()
    {
        using var watch = Start("""{ "Edge": { "Mode": "edge" }, "Logging": { "LogLevel": { "Default": "Warning" } } }""");

        Write("""{ "Edge": { "Mode": "edge" }, "Logging": { "LogLevel": { "Default": "Debug" } } }""");
        Assert.Empty(_log.Lines);

        Write("""{ "Edge": { "Mode": "all" }, "ControlPlane": { "Database": "Password=hunter2" } }""");
        Write("""{ "Edge": { "Mode": "all" }, "ControlPlane": { "Database": "Password=hunter2" } }""");
        var line = Assert.Single(_log.Lines);
        Assert.StartsWith("Warning ", line, StringComparison.Ordinal);
        Assert.Contains("at the next start: ControlPlane:Database, Edge:Mode", line, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", line, StringComparison.Ordinal);

        Write("""{ "Edge": { "Mode": "edge" } }""");
        Assert.Contains("have the values of the start again", _log.Lines.Last(), StringComparison.Ordinal);
    }

    private SettingsWatch Start(string json)
    {
        File.WriteAllText(_directory.File("appsettings.json"), json);
        Add();
        return new SettingsWatch(
            _configuration, hasRoutes: false, _services.GetRequiredService<ReloadMetrics>(), _log.CreateLogger("test"));
    }

    private void Add()
    {
        _configuration.SetBasePath(_directory.Path);
        ((IConfigurationBuilder)_configuration).Add(new SettingsFileSource { Path = "appsettings.json" });
    }

    private void Write(string json)
    {
        File.WriteAllText(_directory.File("appsettings.json"), json);
        ((IConfigurationRoot)_configuration).Reload();
    }
}
