using System.Text.RegularExpressions;

namespace Edge.Tests.Architecture;

/// <summary>Every log message has an event id, and none of a project has that of another.</summary>
public partial class EventIdTests
{
    [Theory]
    [InlineData("ControlPlane", 1, 1000)]
    [InlineData("Edge", 1001, 2000)]
    [InlineData("Relay", 2001, 3000)]
    [InlineData("Tailnet", 3001, 4000)]
    [InlineData("LocalAgent", 4001, 5000)]
    public void EventIdsOfAProjectAreItsOwnAndUnique(string project, int first, int last)
    {
        var source = Path.Combine(DependencyTests.RepositoryRoot(), "src", project);
        var text = string.Concat(Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories)
            .Where(
                static path => !path.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Select(File.ReadAllText));

        int[] ids = [.. Id().Matches(text)
            .Select(static match => int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture))];

        Assert.Equal(Message().Count(text), ids.Length);
        Assert.Equal(ids.Distinct().Order(), ids.Order());
        Assert.All(ids, id => Assert.InRange(id, first, last));
    }

    [GeneratedRegex(@"\[LoggerMessage\(")]
    private static partial Regex Message();

    [GeneratedRegex(@"\[LoggerMessage\(\s*(?:EventId = )?(\d+),")]
    private static partial Regex Id();
}
