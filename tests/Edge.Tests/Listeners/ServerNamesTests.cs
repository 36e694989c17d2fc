using Edge.Listeners;

namespace Edge.Tests.Listeners;

public class ServerNamesTests
{
    [Theory]
    [InlineData("a.example", "a.example")]
    [InlineData("A.Example", "a.example")]
    [InlineData("b.example", "*.example")]
    [InlineData("c.b.example", "*.b.example")]
    [InlineData("d.c.b.example", "*.b.example")]
    [InlineData("elsewhere", "*")]
    [InlineData("", "*")]
    [InlineData(null, "*")]
    public void TheMostSpecificEntryIsMeant(string? name, string entry)
    {
        var names = new ServerNames<string>(((string[])["a.example", "*.example", "*.b.example", "*"]).ToDictionary(static text => text));

        Assert.Equal(entry, names.Find(name));
    }

    [Fact]
    public void WithoutAnEntryForAllOthersNoneIsMeant() =>
        Assert.Null(new ServerNames<string>(new Dictionary<string, string> { ["a.example"] = "a" }).Find("b.example"));
}
