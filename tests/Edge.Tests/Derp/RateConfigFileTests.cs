using System.Text;
using System.Text.Json;
using Edge.Derp.Rates;
using Edge.Settings;
using Relay.Derp;

namespace Edge.Tests.Derp;

public class RateConfigFileTests
{
    [Theory]
    [InlineData("""{"PerClientRateLimitBytesPerSec": 1, "PerClientRateBurstBytes": 2}""", 1, 2, 0, 0)]
    [InlineData("""{"PerClientRateLimitBytesPerSec": 1}""", 1, 0, 0, 0)]
    [InlineData("""{"PerClientRateLimitBytesPerSec": 0, "PerClientRateBurstBytes": 9}""", 0, 0, 0, 0)]
    [InlineData("""{"perclientratelimitbytespersec": 5, "GlobalRateLimitBytesPerSec": 6, "GlobalRateBurstBytes": 7}""", 5, 0, 6, 7)]
    [InlineData("{}", 0, 0, 0, 0)]
    public void DerpersFileIsRead(string json, long rate, long burst, long total, long totalBurst) => Assert.Equal(
        new DerpRates(new DerpRateLimit(rate, burst), new DerpRateLimit(total, totalBurst)),
        RateConfigFile.Parse(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"PerClientRateLimitBytesPerSec": -1}""")]
    [InlineData("""{"PerClientRateLimitBytesPerSec": 1.5}""")]
    [InlineData("""{"PerClientRateLimitBytesPerSec": "1"}""")]
    [InlineData("""{"PerClientRateLimitBytesPerSec": 18446744073709551615}""")]
    [InlineData("""{"PerClientRateLimitBytesPerSecond": 1}""")]
    public void OtherFilesAreRefused(string json) =>
        Assert.ThrowsAny<JsonException>(() => RateConfigFile.Parse(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void AFileThatIsNotThereIsAWrongSetting()
    {
        var error = Assert.Throws<SettingsException>(() => RateConfigFile.Read("/nonexistent/rates.json"));

        Assert.StartsWith("Relay:Derp:RateConfigFile = \"/nonexistent/rates.json\"", error.Message, StringComparison.Ordinal);
    }
}
