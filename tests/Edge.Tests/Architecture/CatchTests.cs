using System.Text.RegularExpressions;

namespace Edge.Tests.Architecture;

/// <summary>
/// No silent catch. A catch of every exception (no type or <see cref="Exception"/>, no filter) logs it, throws, or has a
/// comment that says why it may be silent. A catch with a filter or of narrower types states its reasons by that.
/// </summary>
public partial class CatchTests
{
    [Fact]
    public void NoCatchOfEverythingIsSilent()
    {
        var source = Path.Combine(DependencyTests.RepositoryRoot(), "src");
        string[] silent = [.. Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories)
            .Where(
                static path => !path.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .SelectMany(path => Silent(File.ReadAllText(path)).Select(line => $"{Path.GetRelativePath(source, path)}:{line}"))
            .Order(StringComparer.Ordinal)];

        Assert.Empty(silent);
    }

    [Theory]
    [InlineData("catch\n{\n}", true)]
    [InlineData("catch (Exception)\n{\n}", true)]
    [InlineData("catch (System.Exception error)\n{\n    End(error);\n}", true)]
    [InlineData("catch (Exception) { return; }", true)]
    [InlineData("catch (Exception error)\n{\n    if (a)\n    {\n    }\n    LogLost(error);\n}", false)]
    [InlineData("catch (Exception error)\n{\n    NotRead(logger, error);\n}", false)]
    [InlineData("catch\n{\n    Close();\n    throw;\n}", false)]
    [InlineData("catch (Exception)\n{\n    // The peer is gone.\n}", false)]
    [InlineData("catch (Exception)\n    when (isStopped)\n{\n}", false)]
    [InlineData("catch (Exception) when (isStopped)\n{\n}", false)]
    [InlineData("catch (IOException)\n{\n}", false)]
    public void ACatchIsSilentUnlessItLogsThrowsOrSaysWhy(string text, bool isSilent) => Assert.Equal(isSilent, Silent(text).Any());

    /// <summary>The lines of the catches of everything that are silent.</summary>
    private static IEnumerable<int> Silent(string text) => Everything().Matches(text)
        .Where(found => !Excuse().IsMatch(Body(text, found.Index + found.Length)))
        .Select(found => text.AsSpan(0, found.Index).Count('\n') + 1);

    /// <summary>Up to the brace that closes the block.</summary>
    private static string Body(string text, int start)
    {
        var depth = 1;
        var end = start;
        while (depth > 0)
        {
            depth += text[end++] switch { '{' => 1, '}' => -1, _ => 0 };
        }

        return text[start..end];
    }

    [GeneratedRegex(@"\bcatch\s*(\(\s*(System\.)?Exception(\s+\w+)?\s*\)\s*)?\{")]
    private static partial Regex Everything();

    // A method of LoggerMessage takes the logger, or is a member whose name begins with Log.
    [GeneratedRegex(@"\bthrow\b|//|\bLog\w*\(|\(_?logger\b")]
    private static partial Regex Excuse();
}
