using Edge.Listeners;
using Edge.Settings;
using Microsoft.Extensions.Configuration;

namespace Edge.Tests.Listeners;

public class DescriptorLimitTests
{
    [Theory]
    [InlineData("relay", 8192, 1024L, 704)]
    [InlineData("relay", 8192, 400L, 80)]
    [InlineData("all", 8192, 1024L, 216)]
    [InlineData("all", 8192, 400L, 8)]
    [InlineData("api", 8192, 1024L, 324)]
    [InlineData("relay", 100, 1024L, 100)]
    [InlineData("relay", 0, 1024L, 704)]
    [InlineData("all", 8192, 1_048_576L, 8192)]
    [InlineData("all", 8192, null, 8192)]
    public void ConnectionsAreLoweredToWhatTheDescriptorsAllow(string mode, int asked, long? limit, int connections) =>
        Assert.Equal(connections, DescriptorLimit.Fit(asked, limit, Options(mode)));

    [Theory]
    [InlineData(704, false)]
    [InlineData(705, true)]
    [InlineData(0, false)]
    public void TheStartWarnsWhenASettingIsLowered(int asked, bool warns) =>
        Assert.Equal(warns, DescriptorLimit.Warning(asked, 1024, Options("relay")) is not null);

    [Fact]
    public void TheWarningSaysWhatHoldsAndWhichLimitWouldDo()
    {
        var warning = DescriptorLimit.Warning(8192, 1024, Options("all"))!;

        Assert.StartsWith("Edge:Limits:MaxConnections is 216 instead of 8192: ", warning, StringComparison.Ordinal);
        Assert.Contains("(ulimit -n, LimitNOFILE) to 24952", warning, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("all", 387, true)]
    [InlineData("all", 388, false)]
    [InlineData("relay", 323, true)]
    [InlineData("relay", 324, false)]
    [InlineData("relay", null, false)]
    public void ALimitThatTheModeCannotStartWithIsRefused(string mode, int? limit, bool refused)
    {
        var error = Record.Exception(() => DescriptorLimit.Check(limit, Options(mode)));

        Assert.Equal(
            refused,
            error is SettingsException { Message: var message }
                && message.Contains($"mode {mode} needs at least", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(959, false)]
    [InlineData(960, true)]
    public void TheLastDescriptorsAreTheReserve(int descriptor, bool reserved) =>
        Assert.Equal(reserved, DescriptorReserve.IsIn(descriptor, 1024, DescriptorReserve.Public));

    private static EdgeOptions Options(string mode)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([KeyValuePair.Create<string, string?>("Edge:Mode", mode)]).Build();
        return EdgeOptions.Read(new SettingsReader(configuration), configuration, "/tmp");
    }
}
