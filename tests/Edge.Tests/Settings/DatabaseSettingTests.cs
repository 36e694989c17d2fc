using Edge.Program;
using Edge.Settings;
using Microsoft.Extensions.Configuration;

namespace Edge.Tests.Settings;

public class DatabaseSettingTests
{
    [Theory]
    [InlineData(null)]
    [InlineData("Host=db;Database=edge;Username=edge;Password=a b;Search Path=own")]
    [InlineData("Host=/var/run/postgresql;Username=edge")]
    public void AConnectionStringIsTakenAsItIs(string? value) => Assert.Equal(value, Read(value).ControlPlane.Database);

    [Theory]
    [InlineData("hunter2", "keyword or a value")]
    [InlineData("Host=db;Password=hunter2;Nothing=1", "keyword or a value")]
    [InlineData("Host=db;Password=hunter2;Port=x", "keyword or a value")]
    [InlineData("Host=db;Password=hunter2;SSL Mode=x", "keyword or a value")]
    [InlineData("Database=edge;Password=hunter2", "no Host")]
    public void AWrongOneIsNamedButNotShown(string value, string says)
    {
        var error = Assert.Throws<SettingsException>(() => Read(value));

        Assert.StartsWith("ControlPlane:Database: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error.Message, StringComparison.Ordinal);
    }

    private static NodeSettings Read(string? value) => NodeSettings.Read(
        new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create("ControlPlane:Database", value)]).Build(), "/somewhere");
}
