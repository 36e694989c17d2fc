using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Testing;

/// <summary>A certificate with its key, self-signed or below another one, in every form that a file may have.</summary>
public sealed class TestCertificate : IDisposable
{
    private static readonly PbeParameters Encryption = new(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1_000);
    private readonly AsymmetricAlgorithm _key;
    private readonly X509Certificate2 _certificate;

    private TestCertificate(AsymmetricAlgorithm key, X509Certificate2 certificate) => (_key, _certificate) = (key, certificate);

    public string Pem => _certificate.ExportCertificatePem();

    public byte[] Der => _certificate.RawData;

    public string KeyPem => _key.ExportPkcs8PrivateKeyPem();

    /// <summary>RFC 5915, as <c>openssl ecparam -genkey</c> writes it; for EC keys.</summary>
    public string TraditionalKeyPem => ((ECDsa)_key).ExportECPrivateKeyPem();

    public string EncryptedKeyPem(string password) => _key.ExportEncryptedPkcs8PrivateKeyPem(password, Encryption);

    public byte[] Pkcs12(string? password) => _certificate.Export(X509ContentType.Pkcs12, password);

    /// <summary>Valid from yesterday for thirty days, unless told otherwise; with an EC key.</summary>
    public static TestCertificate Create(
        string name, TestCertificate? issuer = null, bool isAuthority = false, DateTimeOffset? from = null, DateTimeOffset? until = null,
        string? usage = null)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Sign(key, new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256), issuer, isAuthority, from, until, usage);
    }

    /// <summary>The same with an RSA key.</summary>
    public static TestCertificate CreateRsa(string name)
    {
        var key = RSA.Create(2_048);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return Sign(key, request, null, false, null, null, null);
    }

    public void Dispose()
    {
        _certificate.Dispose();
        _key.Dispose();
    }

    private static TestCertificate Sign(
        AsymmetricAlgorithm key, CertificateRequest request, TestCertificate? issuer, bool isAuthority, DateTimeOffset? from,
        DateTimeOffset? until, string? usage)
    {
        // None may outlive its issuer, which was made a moment earlier.
        var (start, end) =
            (from ?? DateTimeOffset.UtcNow.AddDays(-1), until ?? issuer?._certificate.NotAfter ?? DateTimeOffset.UtcNow.AddDays(30));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        if (usage is not null)
        {
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        }

        if (issuer is null)
        {
            return new TestCertificate(key, request.CreateSelfSigned(start, end));
        }

        using var signed = request.Create(issuer._certificate, start, end, RandomNumberGenerator.GetBytes(8));
        return new TestCertificate(key, key is RSA rsa ? signed.CopyWithPrivateKey(rsa) : signed.CopyWithPrivateKey((ECDsa)key));
    }
}
