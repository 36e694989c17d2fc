using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Edge.Derp.Tls;
using Microsoft.Extensions.Logging.Abstractions;
using Relay.Derp.Wire;

namespace Edge.Tests.Derp;

public class MetaCertificateTests
{
    private readonly ManualTimeProvider _clock = new();

    [Fact]
    public void ItIsRenewedLongBeforeItExpiresAndTheChainWithIt()
    {
        var key = NodePrivateKey.Generate().PublicKey;
        var meta = new MetaCertificate(key, _clock);
        var chain = new MetaChain(meta, NullLogger<MetaChain>.Instance);
        using var leaf = Leaf();
        var context = SslStreamCertificateContext.Create(leaf, null, offline: true);

        var first = chain.Extend(context);
        Assert.Same(first, chain.Extend(context));
        Assert.Equal($"CN=derpkey{key.ToHex()}", Assert.Single(first.IntermediateCertificates).Subject);
        Assert.Same(leaf, first.TargetCertificate);
        Assert.Empty(context.IntermediateCertificates);
        _clock.Advance(TimeSpan.FromDays(14.9));
        Assert.Same(first, chain.Extend(context));
        _clock.Advance(TimeSpan.FromDays(0.2));

        var second = chain.Extend(context);
        Assert.NotSame(first, second);
        Assert.True(Assert.Single(second.IntermediateCertificates).NotAfter > first.IntermediateCertificates[0].NotAfter);
    }

    [Fact]
    public void ANewChainGetsTheSameOne()
    {
        var meta = new MetaCertificate(NodePrivateKey.Generate().PublicKey, _clock);
        var chain = new MetaChain(meta, NullLogger<MetaChain>.Instance);
        using var one = Leaf();
        using var two = Leaf();

        var (first, second) = (
            chain.Extend(SslStreamCertificateContext.Create(one, null, offline: true)),
            chain.Extend(SslStreamCertificateContext.Create(two, null, offline: true)));

        Assert.Same(first.IntermediateCertificates[0], second.IntermediateCertificates[0]);
        Assert.False(meta.Current.HasPrivateKey);
    }

    private static X509Certificate2 Leaf()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest("CN=leaf", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
    }
}
