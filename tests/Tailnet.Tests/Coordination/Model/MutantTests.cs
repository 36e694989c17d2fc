using System.Runtime.CompilerServices;

namespace Tailnet.Tests.Coordination.Model;

public sealed class MutantTests
{
    /// <summary>tests/model-mutants.sh takes a while, and runs by hand. Here is only what would make it useless.</summary>
    [Fact]
    public void EachMutantChangesOneTextThatIsThere()
    {
        var here = Path.GetDirectoryName(Here())!;
        var root = Path.GetFullPath(Path.Combine(here, "../../../.."));
        var (file, changes) = ("", 0);
        foreach (var line in File.ReadLines(Path.Combine(here, "mutants.txt")))
        {
            if (line.StartsWith("@ ", StringComparison.Ordinal))
            {
                file = File.ReadAllText(Path.Combine(root, line[2..]));
            }
            else if (line.StartsWith("- ", StringComparison.Ordinal))
            {
                Assert.True(file.Split(line[2..]).Length == 2, $"This text must occur once: {line[2..]}");
                changes++;
            }
        }

        Assert.True(changes > 50);

        static string Here([CallerFilePath] string path = "") => path;
    }
}
