using Crypto;

namespace Tailnet.Tests.Cryptography;

/// <summary>
/// The test vectors of RFC 8439 §2.8.2 and of draft-irtf-cfrg-xchacha-03 §A.3.1, and invalid input to both AEADs.
/// </summary>
public sealed class AeadTests
{
    private const string Text =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";

    private const string ChaChaSealed =
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
        + "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
        + "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691";

    private const string XChaChaSealed =
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
        + "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
        + "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49";

    private static readonly byte[] Key = [.. Enumerable.Range(0x80, 32).Select(static i => (byte)i)];
    private static readonly byte[] Data = Convert.FromHexString("50515253c0c1c2c3c4c5c6c7");
    private static readonly byte[] Nonce = Convert.FromHexString("070000004041424344454647");
    private static readonly byte[] LongNonce = [.. Enumerable.Range(0x40, 24).Select(static i => (byte)i)];

    private delegate void Seal(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> data, ReadOnlySpan<byte> message, Span<byte> output);

    private delegate bool Open(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> data, ReadOnlySpan<byte> message, Span<byte> output);

    [Theory]
    [InlineData(false, ChaChaSealed)]
    [InlineData(true, XChaChaSealed)]
    public void TheVectorIsSealedAndOpenedInPlaceAndApart(bool extended, string expected)
    {
        var (seal, open, nonce) = Functions(extended);
        var plain = System.Text.Encoding.ASCII.GetBytes(Text);
        var buffer = new byte[plain.Length + ChaChaPoly.TagLength];
        seal(Key, nonce, Data, plain, buffer);
        Assert.Equal(expected, Convert.ToHexStringLower(buffer));

        var opened = new byte[plain.Length];
        Assert.True(open(Key, nonce, Data, buffer, opened));
        Assert.Equal(plain, opened);
        Assert.True(open(Key, nonce, Data, buffer, buffer.AsSpan(0, plain.Length)));
        Assert.Equal(plain, buffer[..plain.Length]);
        seal(Key, nonce, Data, buffer.AsSpan(0, plain.Length), buffer);
        Assert.Equal(expected, Convert.ToHexStringLower(buffer));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void EveryChangedBitIsFound(bool extended)
    {
        var (seal, open, nonce) = Functions(extended);
        var whole = new byte[5 + ChaChaPoly.TagLength];
        seal(Key, nonce, Data, "12345"u8, whole);
        for (var bit = 0; bit < whole.Length * 8; bit++)
        {
            var changed = whole.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            var plain = new byte[5];
            Assert.False(open(Key, nonce, Data, changed, plain));
            Assert.Equal(new byte[5], plain);
        }

        Assert.False(open(Key, nonce, Data.AsSpan(1), whole, new byte[5]));
        Assert.True(open(Key, nonce, Data, whole, new byte[5]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AnEmptyMessageIsATagAlone(bool extended)
    {
        var (seal, open, nonce) = Functions(extended);
        var tag = new byte[ChaChaPoly.TagLength];
        seal(Key, nonce, default, default, tag);
        Assert.True(open(Key, nonce, default, tag, default));
        Assert.False(open(Key, nonce, Data, tag, default));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WrongLengthsAndAnOverlapWithAnotherStartAreRefused(bool extended)
    {
        var (seal, open, nonce) = Functions(extended);
        var bytes = new byte[64];
        Assert.Throws<ArgumentException>(() => seal(Key.AsSpan(1), nonce, default, bytes.AsSpan(0, 8), new byte[24]));
        Assert.Throws<ArgumentException>(() => seal(Key, nonce.AsSpan(1), default, bytes.AsSpan(0, 8), new byte[24]));
        Assert.Throws<ArgumentException>(() => seal(Key, nonce, default, bytes.AsSpan(0, 8), new byte[23]));
        Assert.Throws<ArgumentException>(() => seal(Key, nonce, default, bytes.AsSpan(1, 8), bytes.AsSpan(0, 24)));
        Assert.Throws<ArgumentException>(() => open(Key, nonce, default, bytes.AsSpan(0, 24), bytes.AsSpan(1, 8)));
        Assert.Throws<ArgumentException>(() => open(Key, nonce, default, bytes.AsSpan(0, 15), default));
    }

    private static (Seal Seal, Open Open, byte[] Nonce) Functions(bool extended) =>
        extended ? (XChaChaPoly.Seal, XChaChaPoly.TryOpen, LongNonce) : (ChaChaPoly.Seal, ChaChaPoly.TryOpen, Nonce);
}
