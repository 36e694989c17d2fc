using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using System.Security.Cryptography.X509Certificates;

namespace Edge.Listeners;

/// <summary>
/// The first private key of a PEM text (RFC 7468): PKCS #8, encrypted or not, or the older forms of RSA keys (RFC 8017) and
/// EC keys (RFC 5915).
/// </summary>
internal sealed class PrivateKeyPem : IDisposable
{
    private const string LabelEnd = "PRIVATE KEY";
    private readonly RSA? _rsa;
    private readonly ECDsa? _ec;

    private PrivateKeyPem(RSA key) => _rsa = key;

    private PrivateKeyPem(ECDsa key) => _ec = key;

    /// <summary>Whether a text has a private key, complete or not.</summary>
    public static bool IsIn(string text) => text.Contains($"{LabelEnd}-----", StringComparison.Ordinal);

    /// <exception cref="PrivateKeyException">The text has no key, or none that can be used.</exception>
    public static PrivateKeyPem Read(string text, string? password)
    {
        if (!IsIn(text))
        {
            throw new PrivateKeyException("the file has no private key in PEM form (BEGIN PRIVATE KEY)");
        }

        // RFC 1421 headers: OpenSSL's form before PKCS #8. .NET does not read it.
        if (text.Contains("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal))
        {
            throw new PrivateKeyException(
                "the key is encrypted in OpenSSL's traditional form (Proc-Type: 4,ENCRYPTED); "
                + "allowed is PKCS #8; \"openssl pkcs8 -topk8\" converts the key");
        }

        try
        {
            var (label, content) = Find(text);
            return label switch
            {
                "RSA PRIVATE KEY" => FromRsa(key => key.ImportRSAPrivateKey(content, out _)),
                "EC PRIVATE KEY" => FromEc(key => key.ImportECPrivateKey(content, out _)),
                "ENCRYPTED PRIVATE KEY" => FromPkcs8(Decrypt(content, password)),
                LabelEnd => FromPkcs8(Pkcs8PrivateKeyInfo.Decode(content, out _)),
                _ => throw new PrivateKeyException($"the private key is of the type {label}; {KeyAlgorithm.Allowed}"),
            };
        }
        catch (CryptographicException error)
        {
            throw new PrivateKeyException($"the private key is damaged or incomplete ({error.Message})");
        }
    }

    /// <summary>The certificate together with this key; null when the certificate has another key.</summary>
    public X509Certificate2? With(X509Certificate2 certificate)
    {
        using var rsa = certificate.GetRSAPublicKey();
        using var ec = certificate.GetECDsaPublicKey();
        return _rsa is not null && IsSame(rsa, _rsa) ? certificate.CopyWithPrivateKey(_rsa)
            : _ec is not null && IsSame(ec, _ec) ? certificate.CopyWithPrivateKey(_ec)
            : null;
    }

    public void Dispose()
    {
        _rsa?.Dispose();
        _ec?.Dispose();
    }

    private static bool IsSame(AsymmetricAlgorithm? one, AsymmetricAlgorithm other) =>
        one is not null && one.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(other.ExportSubjectPublicKeyInfo());

    private static Pkcs8PrivateKeyInfo Decrypt(byte[] content, string? password)
    {
        if (password is null)
        {
            throw new PrivateKeyException("is encrypted; it needs a password", isPassword: true);
        }

        try
        {
            return Pkcs8PrivateKeyInfo.DecryptAndDecode(password, content, out _);
        }
        catch (CryptographicException)
        {
            // Decryption with a wrong password gives bytes that are no PKCS #8 key.
            throw new PrivateKeyException("is not decrypted by this password", isPassword: true);
        }
    }

    private static PrivateKeyPem FromPkcs8(Pkcs8PrivateKeyInfo key) => key.AlgorithmId.Value switch
    {
        KeyAlgorithm.Rsa => FromRsa(rsa => rsa.ImportPkcs8PrivateKey(key.Encode(), out _)),
        KeyAlgorithm.EllipticCurve => FromEc(ec => ec.ImportPkcs8PrivateKey(key.Encode(), out _)),
        _ => throw new PrivateKeyException($"the private key is {KeyAlgorithm.Name(key.AlgorithmId)}; {KeyAlgorithm.Allowed}"),
    };

    private static PrivateKeyPem FromRsa(Action<RSA> import)
    {
        var key = RSA.Create();
        import(key);
        return new PrivateKeyPem(key);
    }

    private static PrivateKeyPem FromEc(Action<ECDsa> import)
    {
        var key = ECDsa.Create();
        import(key);
        return new PrivateKeyPem(key);
    }

    /// <summary>The first block whose label ends with PRIVATE KEY, after certificates, <c>EC PARAMETERS</c> and the like.</summary>
    private static (string Label, byte[] Content) Find(string text)
    {
        var rest = text.AsSpan();
        while (PemEncoding.TryFind(rest, out var fields))
        {
            var label = rest[fields.Label];
            if (label.EndsWith(LabelEnd, StringComparison.Ordinal))
            {
                return (label.ToString(), Convert.FromBase64String(rest[fields.Base64Data].ToString()));
            }

            rest = rest[fields.Location.End..];
        }

        throw new CryptographicException("no whole block");
    }
}
