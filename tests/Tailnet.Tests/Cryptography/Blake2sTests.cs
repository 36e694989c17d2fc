using Crypto;

namespace Tailnet.Tests.Cryptography;

/// <summary>
/// The test vectors of RFC 7693. No RFC has vectors of HMAC and HKDF with BLAKE2s: CPython's hmac and hashlib made them.
/// </summary>
public sealed class Blake2sTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 100).Select(static i => (byte)i)];

    [Fact]
    public void TheExampleOfTheRfcHasItsHash()
    {
        var hash = new byte[Blake2s.HashLength];
        Blake2s.Hash("a"u8, "bc"u8, hash);
        Assert.Equal("508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982", Convert.ToHexStringLower(hash));
    }

    // RFC 7693, appendix E: hashes of four lengths, of six inputs, with and without key, hashed together.
    [Fact]
    public void TheSelfTestOfTheRfcPasses()
    {
        var all = new List<byte>();
        foreach (var length in new[] { 16, 20, 28, 32 })
        {
            foreach (var inputLength in new[] { 0, 3, 64, 65, 255, 1024 })
            {
                var hash = new byte[length];
                var input = Sequence(inputLength);
                Blake2s.Hash(input, default, hash);
                all.AddRange(hash);
                Blake2s.Mac(Sequence(length), input, hash);
                all.AddRange(hash);
            }
        }

        var whole = new byte[Blake2s.HashLength];
        Blake2s.Hash(all.ToArray(), default, whole);
        Assert.Equal("6a411f08ce25adcdfb02aba641451cec53c598b24f4fc787fbdc88797f4c1dfe", Convert.ToHexStringLower(whole));
    }

    [Theory]
    [InlineData(32, "d83cd6d4c2ecaa74cac8683eb2abe5db021180c0369c743eeac6c99b166df4a7")]
    [InlineData(100, "a8a3e3e42be3f1f9bde3a4fe2beeeaa23178a16f14f512cbe53789eb17cf38a7")]
    public void AnHmacIsThatOfAnotherLibrary(int keyLength, string expected)
    {
        var hmac = new byte[Blake2s.HashLength];
        Blake2s.Hmac(Key.AsSpan(0, keyLength), "what is "u8, "authenticated"u8, hmac);
        Assert.Equal(expected, Convert.ToHexStringLower(hmac));
    }

    [Fact]
    public void ThreeKeysAreDerivedAndFewerAreTheFirstOfThem()
    {
        byte[][] keys = [new byte[32], new byte[32], new byte[32]];
        Blake2sKdf.Derive(Key.AsSpan(0, 32), "what is authenticated"u8, keys[0], keys[1], keys[2]);
        Assert.Equal(
            [
                "f7c2e93c40f6d2abc3653a97b05ca50b92a2524da4ef62b229aad8f89d2c2e60",
                "9b6769e00f2c432ef1538775857142c74b59a58da7a6391245745dfdde375639",
                "bf64910c7f8922a9cbdee211cb6b35597717a099826a95d3f8cd74eafc572226",
            ],
            keys.Select(Convert.ToHexStringLower));

        byte[][] fewer = [new byte[32], new byte[32], Key[..32]];
        Blake2sKdf.Derive(Key.AsSpan(0, 32), "what is authenticated"u8, fewer[0], fewer[1]);
        Blake2sKdf.Derive(fewer[2], "what is authenticated"u8, fewer[2]);
        Assert.Equal([keys[0], keys[1], keys[0]], fewer);
    }

    [Fact]
    public void LengthsThatTheHashDoesNotHaveAreRefused()
    {
        Assert.Throws<ArgumentException>(static () => Blake2s.Hash(default, default, new byte[33]));
        Assert.Throws<ArgumentException>(static () => Blake2s.Hash(default, default, default));
        Assert.Throws<ArgumentException>(static () => Blake2s.Mac(new byte[33], default, new byte[16]));
        Assert.Throws<ArgumentException>(static () => Blake2s.Mac(default, default, new byte[16]));
    }

    private static byte[] Sequence(int length)
    {
        var (a, b) = (0xDEAD4BADu * (uint)length, 1u);
        return [.. Enumerable.Range(0, length).Select(_ =>
        {
            (a, b) = (b, a + b);
            return (byte)(b >> 24);
        })];
    }
}
