using Edge.Hosting;

namespace Edge.Tests.Hosting;

public class DescriptorLimitTests
{
    [Theory]
    [InlineData(1000, 2256L, false)]
    [InlineData(1000, 2255L, true)]
    [InlineData(0, 10L, false)]
    [InlineData(1000, null, false)]
    public void TheStartWarnsWhenConnectionsNeedMoreThanTheProcessMayHave(int connections, long? limit, bool warns) =>
        Assert.Equal(warns, DescriptorLimit.Warning(connections, limit) is not null);

    [Fact]
    public void TheWarningSaysHowManyAreNeeded() => Assert.Contains("2256", DescriptorLimit.Warning(1000, 10)!, StringComparison.Ordinal);
}
