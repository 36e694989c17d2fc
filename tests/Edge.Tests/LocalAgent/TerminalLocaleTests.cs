using LocalAgent.Terminals;

namespace Edge.Tests.LocalAgent;

/// <summary>Which locale a terminal's programs find; the pseudo-terminal itself is tried end to end.</summary>
public class TerminalLocaleTests
{
    [Theory]
    [InlineData("", "C.UTF-8")]
    [InlineData("LANG=", "C.UTF-8")]
    [InlineData("LANG=C", "C.UTF-8")]
    [InlineData("LANG=POSIX LC_TIME=de_DE.UTF-8", "C.UTF-8")]
    [InlineData("LANG=de_DE", "C.UTF-8")]
    [InlineData("LANG=de_DE.ISO-8859-1", "C.UTF-8")]
    [InlineData("LANG=de_DE.UTF-8 LC_CTYPE=C", "C.UTF-8")]
    [InlineData("LANG=xx_YY.UTF-8", "C.UTF-8")]
    [InlineData("LANG=de_DE.UTF-8", null)]
    [InlineData("LANG=de_DE.utf8@euro", null)]
    [InlineData("LANG=C LC_CTYPE=en_US.UTF-8", "en_US.UTF-8")]
    [InlineData("LC_ALL=C", null)]
    [InlineData("LC_ALL=C LANG=de_DE.ISO-8859-1", null)]
    public void TypedCharactersAreUtf8UnlessTheEnvironmentSaysSoAlreadyOrHasLcAll(string given, string? expected)
    {
        var environment = given.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(static pair => pair.Split('=')).ToDictionary(static pair => pair[0], static pair => (string?)pair[1]);
        TerminalLocale.ApplyTo(environment, static name => !name.StartsWith("xx", StringComparison.Ordinal));
        Assert.Equal(expected, environment.GetValueOrDefault("LC_CTYPE"));
    }

    [Fact]
    public void ASystemWithoutThatLocaleIsLeftAsItIs()
    {
        var environment = new Dictionary<string, string?>();
        TerminalLocale.ApplyTo(environment, static _ => false);
        Assert.Empty(environment);
    }
}
