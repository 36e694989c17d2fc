using Edge.Program;
using Edge.Settings;
using Microsoft.Extensions.Configuration;

namespace Edge.Tests.Settings;

/// <summary>A wrong setting stops the start with one line that names it, its value and what is allowed.</summary>
public class WrongSettingTests
{
    [Theory]
    [InlineData("Edge:Mode", "both", "all, edge, relay, api")]
    [InlineData("Edge:Mode", "1", "all, edge, relay, api")]
    [InlineData("Edge:Backends", "10.0.0.1:3000", "http or https URL")]
    [InlineData("Edge:Backends", "http://a/path", "http or https URL without path")]
    [InlineData("Edge:Backends:0", "ftp://a", "http or https URL")]
    [InlineData("Edge:PublicUrl", "coder.example.com", "http or https URL")]
    [InlineData("Edge:Admin:Url", "https://127.0.0.1:1", "http URL")]
    [InlineData("Edge:Admin:Url", "http://admin.example.com:1", "IP address or localhost")]
    [InlineData("Edge:ShutdownTimeout", "30", "duration such as 500ms, 30s")]
    [InlineData("Edge:ShutdownTimeout", "-1s", "duration")]
    [InlineData("Edge:DrainDelay", "2h", "01:00:00")]
    [InlineData("Edge:Limits:MaxRequestHeadSize", "10", "1024")]
    [InlineData("Edge:Limits:MaxRequestHeaders", "many", "whole number")]
    [InlineData("Edge:Limits:MaxConnections", "-1", "whole number")]
    [InlineData("Edge:Limits:MaxConnectionsPerAddress", "x", "whole number")]
    [InlineData("Edge:RateLimit:PerMinute", "-5", "whole number")]
    [InlineData("Edge:TrustedProxies", "10.0.0.0/40", "10.0.0.0/8")]
    public void IsNamedWithItsValueAndWhatIsAllowed(string name, string value, string allowed)
    {
        var error = Assert.Throws<SettingsException>(() => Read((name, value)));

        Assert.StartsWith(name.Split(":0")[0], error.Message, StringComparison.Ordinal);
        Assert.Contains($"\"{value}\"", error.Message, StringComparison.Ordinal);
        Assert.Contains(allowed, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("Edge:Mod", "Mode")]
    [InlineData("Edge:Admin:Uri", "Url")]
    [InlineData("Edge:Limits:MaxConnection", "MaxConnections")]
    [InlineData("Relay:Derp:Nothing", "no such setting")]
    [InlineData("ControlPlane:Anything", "no such setting")]
    public void AKeyThatNobodyKnowsIsRefused(string name, string says)
    {
        var error = Assert.Throws<SettingsException>(() => Read((name, "1")));

        Assert.StartsWith(name, error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("EDGE")]
    [InlineData("Relay")]
    [InlineData("CONTROLPLANE")]
    public void AnEnvironmentVariableWithJustASectionsNameIsSomebodyElses(string name) => Read((name, "1"));

    [Fact]
    public void BackendsAndAReverseProxySectionTogetherAreRefused()
    {
        var error = Assert.Throws<SettingsException>(() => Read(("Edge:Backends", "http://a"), ("ReverseProxy:Routes:r:ClusterId", "c")));

        Assert.Contains("not both", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("edge", null, "at least one API server")]
    [InlineData("relay", "http://a", "does not forward to API servers")]
    [InlineData("api", "http://a", "does not forward to API servers")]
    public void AModeAndItsBackendsMustFit(string mode, string? backends, string says)
    {
        var error = Assert.Throws<SettingsException>(() => Read(("Edge:Mode", mode), ("Edge:Backends", backends)));

        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("api")]
    [InlineData("relay")]
    public void TokensAreNotPromisedToBeVerifiedWhereNobodyDoes(string mode)
    {
        var error = Assert.Throws<SettingsException>(() => Read(
            ("Edge:Mode", mode), ("Edge:Authentication:Jwt:Authority", "https://id.example.com"),
            ("Edge:Authentication:Jwt:Audience", "edge")));

        Assert.Contains("modes all and edge", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutAnySettingTheDefaultsHold()
    {
        var settings = Read();

        Assert.Equal(EdgeMode.All, settings.Options.Mode);
        Assert.True(settings.Options.EmbedsApiServer);
        Assert.Equal("http://127.0.0.1:8081/", settings.Options.AdminUrl.ToString());
        Assert.Equal("/somewhere/.edge", settings.Options.DataDirectory);
        Assert.Equal(TimeSpan.FromSeconds(30), settings.Options.ShutdownTimeout);
        Assert.Equal(TimeSpan.Zero, settings.Options.DrainDelay);
        Assert.Null(settings.Options.PublicUrl);
    }

    [Theory]
    [InlineData("500ms", 0.5)]
    [InlineData("30s", 30)]
    [InlineData("5m", 300)]
    [InlineData("1h", 3600)]
    [InlineData("00:00:30", 30)]
    [InlineData("0:01:30", 90)]
    [InlineData("00:00:00.250", 0.25)]
    public void DurationsAreWrittenAsPeopleWriteThem(string text, double seconds)
    {
        Assert.True(SettingsReader.TryParseDuration(text, out var duration));
        Assert.Equal(seconds, duration.TotalSeconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("30")]
    [InlineData("30 days")]
    [InlineData("99999999999s")]
    [InlineData("1:2:3:4:5")]
    [InlineData("01:30")]
    [InlineData("1.00:00:00")]
    public void OtherDurationsAreNot(string text) => Assert.False(SettingsReader.TryParseDuration(text, out _));

    private static NodeSettings Read(params (string Key, string? Value)[] settings) => NodeSettings.Read(
        new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(static pair => pair.Key, static pair => pair.Value)).Build(),
        "/somewhere");
}
