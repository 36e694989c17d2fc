using Crypto;

namespace Tailnet.Tests.Cryptography;

public sealed class SecretBytesTests
{
    [Fact]
    public void ADisposedSecretIsZero()
    {
        using var secret = new SecretBytes(32);
        var span = secret.Span;
        X25519.NewPrivateKey(span);
        Assert.True(span.ContainsAnyExcept((byte)0));

        secret.Dispose();
        Assert.False(span.ContainsAnyExcept((byte)0));
    }
}
