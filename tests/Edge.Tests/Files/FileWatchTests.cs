using Edge.Files;

namespace Edge.Tests.Files;

public class FileWatchTests
{
    [Fact]
    public void AChangeIsToldOnceAndAlsoOfAFileThatComesAndGoes()
    {
        using var directory = new TemporaryDirectory();
        var path = directory.File("watched");
        var (clock, changes) = (new ManualTimeProvider(), 0);
        using (new FileWatch(path, clock, () => changes++))
        {
            Look(0);
            File.WriteAllText(path, "one");
            Look(1);
            Look(1);
            File.WriteAllText(path, "longer");
            Look(2);
            File.Delete(path);
            Look(3);
        }

        File.WriteAllText(path, "after the end");
        Look(3);

        void Look(int expected)
        {
            clock.Advance(FileWatch.Period);
            Assert.Equal(expected, changes);
        }
    }

    [Fact]
    public void ALinkThatLeadsElsewhereIsAChangeAsWithSecretsOfContainers()
    {
        using var directory = new TemporaryDirectory();
        foreach (var (version, age) in new[] { ("one", 1), ("two", 2) })
        {
            Directory.CreateDirectory(directory.File(version));
            File.WriteAllText(directory.File($"{version}/key"), "same length");
            File.SetLastWriteTimeUtc(directory.File($"{version}/key"), DateTime.UtcNow.AddDays(-age));
        }

        Directory.CreateSymbolicLink(directory.File("data"), "one");
        File.CreateSymbolicLink(directory.File("key"), "data/key");
        var (clock, changes) = (new ManualTimeProvider(), 0);
        using var watch = new FileWatch(directory.File("key"), clock, () => changes++);

        Directory.Delete(directory.File("data"));
        Directory.CreateSymbolicLink(directory.File("data"), "two");
        clock.Advance(FileWatch.Period);

        Assert.Equal(1, changes);
    }
}
