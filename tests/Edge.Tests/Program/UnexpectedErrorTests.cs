using Edge.Listeners;
using Edge.Program;
using Edge.Settings;

namespace Edge.Tests.Program;

public class UnexpectedErrorTests
{
    [Fact]
    public void TheInnermostCauseIsSaidInOneLine()
    {
        var error = new TypeInitializationException("System.Net.WebProxy", new InvalidOperationException("first\nsecond"));

        var line = UnexpectedError.Describe(error);

        Assert.StartsWith("InvalidOperationException: first second", line, StringComparison.Ordinal);
        Assert.DoesNotContain("WebProxy", line, StringComparison.Ordinal);
        Assert.Contains("EDGE_STACK_TRACE=1", line, StringComparison.Ordinal);
    }

    [Fact]
    public void TooManyOpenFilesAreNamedWithTheLimitToRaise()
    {
        var error = new TypeInitializationException("System.Net.WebProxy", new IOException("Too many open files", 24));

        Assert.Contains("ulimit -n", UnexpectedError.Describe(error), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheProgramSaysItAndEndsWithExitCodeOne()
    {
        using var errors = new StringWriter();

        var code = await EdgeProgram.RunAsync(["--help"], new BrokenWriter(), errors);

        Assert.Equal(1, code);
        var line = Assert.Single(errors.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("edge: NotSupportedException: broken", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(100, true)]
    [InlineData(255, true)]
    [InlineData(256, false)]
    [InlineData(null, false)]
    public void ALimitOfDescriptorsThatNoNodeCanStartWithIsRefused(int? limit, bool refused)
    {
        var error = Record.Exception(() => DescriptorLimit.Check(limit));

        Assert.Equal(
            refused,
            error is SettingsException { Message: var message }
                && message.StartsWith($"ulimit -n = \"{limit}\"", StringComparison.Ordinal));
    }

    private sealed class BrokenWriter : TextWriter
    {
        public override System.Text.Encoding Encoding => System.Text.Encoding.UTF8;

        public override void Write(char value) => throw new NotSupportedException("broken");
    }
}
