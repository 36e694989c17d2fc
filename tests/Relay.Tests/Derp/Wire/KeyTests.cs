using System.Security.Cryptography;
using Crypto;
using Relay.Derp.Wire;

namespace Relay.Tests.Derp.Wire;

public sealed class KeyTests
{
    [Fact]
    public void KeysHaveTheTextFormsOfTheVectors()
    {
        const string a = "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254";

        Assert.Equal("nodekey:8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f", Vectors.Server.PublicKey.ToString());
        Assert.Equal(a, Vectors.A.PublicKey.ToHex());
        Assert.Equal("79a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51a", Vectors.B.PublicKey.ToHex());
        Assert.Equal(["[j0DFr]", "[NYBy1]", "[eaYx7]"],
            [Vectors.Server.PublicKey.ToShortString(), Vectors.A.PublicKey.ToShortString(), Vectors.B.PublicKey.ToShortString()]);
        Assert.Equal("", default(NodeKey).ToShortString());
        Assert.True(NodeKey.TryParse("nodekey:" + a.ToUpperInvariant(), out var parsed));
        Assert.Equal(Vectors.A.PublicKey, parsed);
        Assert.Equal(
            "privkey:202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e7f", Vectors.A.ToSecretText());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("nodekey:")]
    [InlineData("358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254")]
    [InlineData("NODEKEY:358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254")]
    [InlineData("nodekey:358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd16625")]
    [InlineData("nodekey:358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254a")]
    [InlineData("nodekey:358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd16625g")]
    public void OtherTextsAreNoKeys(string? text) => Assert.False(NodeKey.TryParse(text, out _));

    [Fact]
    public void TheZeroKeyIsNoPrivateKeyAndGivesNoBox()
    {
        Assert.False(NodePrivateKey.TryParse("privkey:" + new string('0', 64), out _));

        // Another point of low order: one.
        var one = new byte[32];
        one[0] = 1;
        Assert.All([default, new NodeKey(one)], static key =>
        {
            var box = Vectors.Server.BoxWith(key);
            Assert.Throws<CryptographicException>(() => box.Seal("text"u8, new byte[NaClBox.NonceLength]));
            Assert.Null(box.Open(new byte[64], new byte[NaClBox.NonceLength]));
        });
    }

    [Fact]
    public void ZerosBeforeABoxOrInItsPlaceDoNotOpen()
    {
        var box = Vectors.Server.BoxWith(Vectors.A.PublicKey);
        var nonce = new byte[NaClBox.NonceLength];
        var good = Vectors.A.BoxWith(Vectors.Server.PublicKey).Seal("text"u8, nonce);

        Assert.Equal("text"u8.ToArray(), box.Open(good, nonce));
        Assert.Null(box.Open([.. new byte[NaClBox.Overhead], .. good], nonce));
        Assert.All([0, 15, 16, 17, 31, 32, 64], length => Assert.Null(box.Open(new byte[length], nonce)));
    }

    [Fact]
    public void GeneratedKeysAreClampedAndDiffer()
    {
        var (one, two) = (NodePrivateKey.Generate(), NodePrivateKey.Generate());

        Assert.NotEqual(one.PublicKey, two.PublicKey);
        var bytes = Convert.FromHexString(one.ToSecretText()["privkey:".Length..]);
        Assert.Equal(0, bytes[0] & 7);
        Assert.Equal(64, bytes[31] & 0xc0);
    }

    [Theory]
    [InlineData(Vectors.MeshKey, true, true)]
    [InlineData(" 0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\n", true, true)]
    [InlineData("badf00d", false, false)]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000", false, false)]
    [InlineData("a secret of another form", true, false)]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde", false, false)]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0", false, false)]
    [InlineData("a secret of one line\nand another one", false, false)]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
        + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", false, false)]
    public void MeshKeysAreHexOrALongTextOfOneLine(string text, bool good, bool hex)
    {
        Assert.Equal(good, MeshKey.TryParse(text, out var key));
        Assert.Equal(hex, key?.IsHex ?? false);
    }

    [Fact]
    public void AMeshKeyMatchesItselfOnly()
    {
        Assert.True(MeshKey.TryParse(Vectors.MeshKey, out var hex));
        Assert.True(hex.Matches(Vectors.MeshKey.ToUpperInvariant()));
        Assert.False(hex.Matches(null));
        Assert.False(hex.Matches(""));
        Assert.False(hex.Matches(Vectors.MeshKey.Replace('0', '1')));
        Assert.True(MeshKey.TryParse("a secret of another form", out var text));
        Assert.True(text.Matches("a secret of another form"));
        Assert.False(text.Matches("A secret of another form"));
    }
}
