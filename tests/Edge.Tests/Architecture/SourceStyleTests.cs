using System.Globalization;

namespace Edge.Tests.Architecture;

/// <summary>
/// Style that no build checks. <c>dotnet format style</c> checks usings and <c>this.</c> (IMPORTS and IDE0003), but takes over a minute for
/// all projects. No tool of the SDK checks <c>max_line_length</c>.
/// </summary>
public class SourceStyleTests
{
    private static readonly string[] Folders = ["src", "tests", "suites", "bench"];

    [Fact]
    public void UsingsAreSortedSystemFirst()
    {
        string[] unsorted = [.. Sources().Where(static file => !AreSorted(File.ReadLines(file)))];

        Assert.Empty(unsorted);
    }

    [Fact]
    public void MembersAreNotQualifiedByThis()
    {
        string[] qualified = [.. Sources().Where(static file => File.ReadLines(file)
            .Any(static line => Code(line).Split(' ', '(', '[', '!', '{')
                .Any(static word => word.StartsWith("this" + ".", StringComparison.Ordinal)
                    && word.Length > 5 && (char.IsLetter(word[5]) || word[5] == '_'))))];

        Assert.Empty(qualified);
    }

    [Fact]
    public void NoLineIsLongerThanEditorConfigAllows()
    {
        var root = DependencyTests.RepositoryRoot();
        var limit = int.Parse(
            File.ReadLines(Path.Combine(root, ".editorconfig"))
                .Select(static line => line.Split('=', StringSplitOptions.TrimEntries))
                .Single(static setting => setting[0] == "max_line_length")[1],
            CultureInfo.InvariantCulture);

        // Characters are Unicode scalar values, as editors count them.
        string[] longer = [.. Sources().SelectMany(file => File.ReadLines(file)
            .Select((line, index) => (Length: line.EnumerateRunes().Count(), Place: $"{Path.GetRelativePath(root, file)}:{index + 1}"))
            .Where(line => line.Length > limit)
            .Select(static line => line.Place))];

        Assert.True(longer.Length == 0, $"{longer.Length} lines have more than {limit} characters:\n{string.Join('\n', longer)}");
    }

    [Theory]
    [InlineData("using System.Net;\nusing System.Net.Sockets;\nusing Edge.Http;", true)]
    [InlineData("using Edge.Http;\nusing System.Net;", false)]
    [InlineData("using System.Net.Sockets;\nusing System.Net;", false)]
    [InlineData("using Edge.Http;\nusing Edge.Drain;", false)]
    [InlineData("using Edge.Http;\nusing static Edge.Drain.Names;\nusing Alias = Edge.Drain;", true)]
    public void UsingsAreSortedOrNot(string text, bool sorted) => Assert.Equal(sorted, AreSorted(text.Split('\n')));

    private static bool AreSorted(IEnumerable<string> lines)
    {
        string[] names = [.. lines
            .TakeWhile(static line => !line.StartsWith("namespace ", StringComparison.Ordinal))
            .Where(static line => line.StartsWith("using ", StringComparison.Ordinal) && line.EndsWith(';')
                && !line.Contains('=', StringComparison.Ordinal)
                && !line.StartsWith("using static ", StringComparison.Ordinal) && !line.Contains('(', StringComparison.Ordinal))
            .Select(static line => line["using ".Length..^1])];
        return names.SequenceEqual(names.OrderBy(static name => IsSystem(name) ? 0 : 1).ThenBy(static name => name, ByParts));
    }

    private static bool IsSystem(string name) => name == "System" || name.StartsWith("System.", StringComparison.Ordinal);

    // Part by part, as dotnet format sorts: "Edge.Http" stands before "Edge.Http.Wire", and both before "Edge.HttpClients".
    private static readonly IComparer<string> ByParts = Comparer<string>.Create(static (left, right) =>
    {
        var (a, b) = (left.Split('.'), right.Split('.'));
        for (var i = 0; i < Math.Min(a.Length, b.Length); i++)
        {
            var order = StringComparer.InvariantCultureIgnoreCase.Compare(a[i], b[i]);
            if (order != 0)
            {
                return order;
            }
        }

        return a.Length - b.Length;
    });

    private static string Code(string line)
    {
        var comment = line.IndexOf("//", StringComparison.Ordinal);
        return comment < 0 ? line : line[..comment];
    }

    private static IEnumerable<string> Sources()
    {
        var root = DependencyTests.RepositoryRoot();
        var separator = Path.DirectorySeparatorChar;
        return Folders
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains($"{separator}obj{separator}", StringComparison.Ordinal)
                && !file.Contains($"{separator}bin{separator}", StringComparison.Ordinal)
                && !file.Contains($"{separator}node_modules{separator}", StringComparison.Ordinal));
    }
}
