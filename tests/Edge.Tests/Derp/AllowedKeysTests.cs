using System.Text;
using Edge.Derp.Admission;
using Edge.Settings;
using FsCheck;
using FsCheck.Fluent;
using Relay.Derp.Wire;

namespace Edge.Tests.Derp;

/// <summary>The file of keys that may use the relay.</summary>
public sealed class AllowedKeysTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CapturedLog _log = new();

    private static NodeKey One { get; } = NodePrivateKey.Generate().PublicKey;

    private static NodeKey Two { get; } = NodePrivateKey.Generate().PublicKey;

    private string Path => _directory.File("keys");

    public void Dispose()
    {
        _directory.Dispose();
        _log.Dispose();
    }

    [Fact]
    public void AListHasAKeyALineCommentsAndEmptyLines()
    {
        var text = $"# the office\r\n\r\n  {One}  # Ann's laptop\n\tnodekey:{Two.ToHex().ToUpperInvariant()}\n{One}\n#";

        Assert.True(AllowedKeys.TryParse(text, out var keys, out var badLine));
        Assert.Equal(0, badLine);
        Assert.Equal([One, Two], keys.Order(Comparer<NodeKey>.Create((a, b) => a == b ? 0 : a == One ? -1 : 1)));
    }

    [Theory]
    [InlineData("nodekey:12", 1)]
    [InlineData("# fine\nprivkey:0000000000000000000000000000000000000000000000000000000000000001", 2)]
    [InlineData("\n\nnodekey:0000000000000000000000000000000000000000000000000000000000000000", 3)]
    [InlineData("nodekey:000000000000000000000000000000000000000000000000000000000000000g", 1)]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000001", 1)]
    public void AnythingElseIsNoListAndItsLineIsNamed(string text, int line)
    {
        Assert.False(AllowedKeys.TryParse(text, out var keys, out var badLine));
        Assert.Equal((line, 0), (badLine, keys.Count));
    }

    [Fact]
    public void AListCutAnywhereNeverAdmitsWhoIsNotInIt()
    {
        var text = $"# c\n{One}\n{Two} # t\n";
        for (var length = 0; length <= text.Length; length++)
        {
            Assert.Equal(!AllowedKeys.TryParse(text[..length], out var keys, out var badLine), badLine > 0);
            Assert.DoesNotContain(keys, key => key != One && key != Two);
        }
    }

    [Fact]
    public void NoTextMakesTheParserThrow() => Prop.ForAll<string?>(static text =>
    {
        var isList = AllowedKeys.TryParse(text ?? string.Empty, out var keys, out var badLine);
        return isList == (badLine == 0) && keys.Count == 0;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void AChangedFileIsTakenOnceTwoLooksAgree()
    {
        Write($"{One}\n");
        var file = Open();
        Assert.False(file.Refresh());

        Write($"{Two}\n# longer\n");

        Assert.False(file.Refresh());
        Assert.True(file.Allows(One));
        Assert.True(file.Refresh());
        Assert.Equal((false, true), (file.Allows(One), file.Allows(Two)));
        Assert.False(file.Refresh());
    }

    [Fact]
    public void AFileThatIsNoListAnyMoreLeavesTheOldOneInForceAndIsComplainedAboutOnce()
    {
        Write($"{One}\n");
        var file = Open();

        Write($"{One}\nhello\n");
        Assert.False(file.Refresh() || file.Refresh() || file.Refresh());
        Assert.True(file.Allows(One));
        Assert.Contains("line 2 is no key", Assert.Single(_log.Lines), StringComparison.Ordinal);
        Assert.StartsWith("Error", _log.Lines.Single(), StringComparison.Ordinal);
        File.Delete(Path);
        Assert.False(file.Refresh() || file.Refresh() || file.Refresh());
        Assert.True(file.Allows(One));
        Assert.Equal(2, _log.Lines.Count);

        Write($"{Two}\n");
        Assert.True(file.Refresh() | file.Refresh());
        Assert.True(file.Allows(Two));
    }

    [Fact]
    public void AnotherTargetOfALinkIsAChange()
    {
        // Mounted configuration is swapped so: a link to a directory in the middle of the path of the link's target.
        Directory.CreateDirectory(_directory.File("v1"));
        Directory.CreateDirectory(_directory.File("v2"));
        File.WriteAllText(_directory.File("v1/keys"), $"{One}\n");
        File.WriteAllText(_directory.File("v2/keys"), $"{Two}\n");
        File.SetLastWriteTimeUtc(_directory.File("v1/keys"), DateTime.UnixEpoch);
        Directory.CreateSymbolicLink(_directory.File("data"), _directory.File("v1"));
        File.CreateSymbolicLink(Path, _directory.File("data/keys"));
        var file = Open();

        Directory.Delete(_directory.File("data"));
        Directory.CreateSymbolicLink(_directory.File("data"), _directory.File("v2"));

        Assert.True(file.Refresh() | file.Refresh());
        Assert.True(file.Allows(Two));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("hello")]
    public void WithoutAListThereIsNoStart(string? content)
    {
        if (content is not null)
        {
            Write(content);
        }

        var error = Assert.Throws<SettingsException>(Open);

        Assert.StartsWith("Relay:Derp:AllowedKeysFile", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hello", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFileThatIsTooLongIsNotReadToItsEnd()
    {
        using (var stream = File.Create(Path))
        {
            stream.SetLength(17L << 20);
        }

        Assert.Contains("longer than 16 MiB", Assert.Throws<SettingsException>(Open).Message, StringComparison.Ordinal);
    }

    private AllowedKeysFile Open() => new(Path, _log.CreateLogger("test"));

    private void Write(string text) => File.WriteAllText(Path, text, Encoding.UTF8);
}
