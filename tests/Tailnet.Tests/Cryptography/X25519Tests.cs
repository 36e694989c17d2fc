using Crypto;

namespace Tailnet.Tests.Cryptography;

/// <summary>The test vectors of RFC 7748.</summary>
public sealed class X25519Tests
{
    [Theory]
    [InlineData(
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")]
    [InlineData(
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957")]
    [InlineData(
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")]
    public void TwoKeysAgreeOnTheSecretOfTheVector(string privateKey, string publicKey, string secret)
    {
        var shared = new byte[X25519.KeyLength];
        Assert.True(X25519.TryAgree(Convert.FromHexString(privateKey), Convert.FromHexString(publicKey), shared));
        Assert.Equal(secret, Convert.ToHexStringLower(shared));
    }

    [Theory]
    [InlineData(1, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079")]
    [InlineData(1000, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51")]
    public void RepeatedMultiplicationEndsAtTheValueOfTheRfc(int times, string expected)
    {
        byte[] scalar = [9, .. new byte[31]];
        var point = scalar.ToArray();
        for (var i = 0; i < times; i++)
        {
            var product = new byte[X25519.KeyLength];
            Assert.True(X25519.TryAgree(scalar, point, product));
            (scalar, point) = (product, scalar);
        }

        Assert.Equal(expected, Convert.ToHexStringLower(scalar));
    }

    [Fact]
    public void ThePublicKeyOfTheRfcsBobIsHis()
    {
        var publicKey = X25519.PublicKey(Convert.FromHexString("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
        Assert.Equal("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", Convert.ToHexStringLower(publicKey));
    }

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    public void APointOfLowOrderGivesNoSecret(string publicKey) =>
        Assert.False(X25519.TryAgree(X25519.NewPrivateKey(), Convert.FromHexString(publicKey), new byte[X25519.KeyLength]));

    [Fact]
    public void AKeyOfAnotherLengthIsRefused()
    {
        var key = new byte[X25519.KeyLength];
        Assert.Throws<ArgumentException>(() => X25519.TryAgree(key.AsSpan(1), key, key));
        Assert.Throws<ArgumentException>(() => X25519.TryAgree(key, key.AsSpan(1), key));
        Assert.Throws<ArgumentException>(() => X25519.TryAgree(key, key, key.AsSpan(1)));
        Assert.Throws<ArgumentException>(() => X25519.PublicKey(key.AsSpan(1), key));
        Assert.Throws<ArgumentException>(() => X25519.NewPrivateKey(key.AsSpan(1)));
    }
}
