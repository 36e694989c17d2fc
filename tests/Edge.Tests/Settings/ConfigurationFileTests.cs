using Edge.Settings;

namespace Edge.Tests.Settings;

/// <summary>What is wrong with <c>appsettings.json</c> is said with its path, and with the line.</summary>
public sealed class ConfigurationFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("{\n  \"Edge\": {\n    \"Mode\" \"relay\"\n  }\n}\n", "line 3")]
    [InlineData("{\n  \"Edge\": {", "line 2")]
    [InlineData("", "line 1")]
    [InlineData("[]", "object")]
    [InlineData("{ \"Edge\": { \"Mode\": \"edge\", \"mode\": \"relay\" } }", "Edge:mode")]
    public void BrokenJsonIsNamedWithItsFileAndLine(string content, string says)
    {
        File.WriteAllText(_directory.File("appsettings.json"), content);

        var error = Assert.Throws<SettingsException>(Load);

        Assert.StartsWith(_directory.File("appsettings.json"), error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void ADirectoryInItsPlaceIsNamed()
    {
        Directory.CreateDirectory(_directory.File("appsettings.json"));

        Assert.Contains("is a directory", Assert.Throws<SettingsException>(Load).Message, StringComparison.Ordinal);
    }

    // Whoever runs the tests may read everything; reading this one fails all the same.
    [Fact]
    public void AFileThatCannotBeReadIsNamed()
    {
        File.CreateSymbolicLink(_directory.File("appsettings.json"), "/proc/self/mem");

        var error = Assert.Throws<SettingsException>(Load);

        Assert.StartsWith(_directory.File("appsettings.json"), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutAFileThereIsNothingToSay()
    {
        using var configuration = EdgeConfiguration.Load(["--Edge:Mode=relay"], _directory.Path);

        Assert.Equal("relay", configuration["Edge:Mode"]);
    }

    private void Load()
    {
        using var configuration = EdgeConfiguration.Load([], _directory.Path);
    }
}
