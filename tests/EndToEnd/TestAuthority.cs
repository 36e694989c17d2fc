using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EndToEnd;

/// <summary>A certificate authority of a test's own, and the certificates for <c>localhost</c> that it writes into files.</summary>
internal sealed class TestAuthority : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _root;
    private byte _serial;

    public TestAuthority()
    {
        var request = new CertificateRequest("CN=test authority", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
    }

    public string Pem => _root.ExportCertificatePem();

    /// <summary>Writes <c>tls.pem</c> and <c>tls.key</c>, in place of what may be there.</summary>
    public void Issue(TemporaryDirectory directory, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var leaf = request.Create(_root, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(20), [++_serial]);
        File.WriteAllText(directory.File("tls.key"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(directory.File("tls.pem"), leaf.ExportCertificatePem());
    }

    /// <summary>Settings of a listener with what <see cref="Issue"/> wrote.</summary>
    public static string[] Listener(TemporaryDirectory directory) =>
    [
        "Kestrel:Endpoints:Tls:Url=https://127.0.0.1:0",
        $"Kestrel:Endpoints:Tls:Certificate:Path={directory.File("tls.pem")}",
        $"Kestrel:Endpoints:Tls:Certificate:KeyPath={directory.File("tls.key")}",
    ];

    public void Dispose()
    {
        _root.Dispose();
        _key.Dispose();
    }
}
