using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Edge.Settings;

namespace Edge.Listeners;

/// <summary>The files of a TLS certificate, as named by a section of <c>Kestrel</c>.</summary>
/// <param name="Setting">The section, such as <c>Kestrel:Certificates:Default</c>. Errors name it.</param>
/// <param name="Path">
/// A PEM file, a DER certificate or a PKCS #12 file. A PEM file may have its certificates in any order, and the private key
/// unless <paramref name="KeyPath"/> names another file.
/// </param>
/// <param name="KeyPath">The PEM file of the private key; null when the key is in <paramref name="Path"/>.</param>
/// <param name="Password">The password of the private key or of the PKCS #12 file. No message contains it.</param>
internal sealed record CertificateSource(string Setting, string Path, string? KeyPath, string? Password)
{
    private const int MaxBytes = 1 << 20;
    private const int WrongPassword = unchecked((int)0x80070056);
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>Null when the section names no file.</summary>
    public static CertificateSource? From(IConfigurationSection section) => NonEmpty(section["Path"]) is { } path
        ? new CertificateSource(section.Path, path, NonEmpty(section["KeyPath"]), NonEmpty(section["Password"]))
        : null;

    /// <summary>Reads the certificate, its private key and its chain.</summary>
    /// <exception cref="SettingsException">The files cannot be used; the message names the setting and the file.</exception>
    public SslStreamCertificateContext Read()
    {
        try
        {
            var (certificate, chain) = Load(SettingsFile.Read($"{Setting}:Path", Path, MaxBytes));
            CheckUsage(certificate);
            return SslStreamCertificateContext.Create(certificate, chain, offline: true);
        }
        catch (CryptographicException error)
        {
            throw Wrong("Path", Path, $"the certificate cannot be used ({error.Message})");
        }
    }

    private (X509Certificate2 Certificate, X509Certificate2Collection Chain) Load(byte[] content)
    {
        var text = Encoding.UTF8.GetString(content);
        if (text.Contains("-----BEGIN ", StringComparison.Ordinal))
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(text);
            return chain.Count == 0
                ? throw Wrong("Path", Path, "the file has no whole certificate (BEGIN CERTIFICATE … END CERTIFICATE)")
                : (WithKey(chain, text), chain);
        }

        switch (TypeOf(content))
        {
            case X509ContentType.Cert:
                X509Certificate2Collection one = [X509CertificateLoader.LoadCertificate(content)];
                return (WithKey(one, text), one);
            case X509ContentType.Pkcs12:
                return LoadPkcs12(content);
            default:
                throw Wrong("Path", Path, "the file is no certificate; allowed are PEM, DER and PKCS #12");
        }
    }

    private (X509Certificate2 Certificate, X509Certificate2Collection Chain) LoadPkcs12(byte[] content)
    {
        if (KeyPath is not null)
        {
            throw Wrong("KeyPath", KeyPath, $"{Path} is PKCS #12 and includes its private key; remove KeyPath");
        }

        try
        {
            var all = X509CertificateLoader.LoadPkcs12Collection(content, Password);
            var certificate = all.FirstOrDefault(static one => one.HasPrivateKey)
                ?? throw Wrong("Path", Path, "the PKCS #12 file has no private key");
            using var rsa = certificate.GetRSAPrivateKey();
            using var ec = certificate.GetECDsaPrivateKey();
            return rsa is not null || ec is not null
                ? (certificate, all)
                : throw Wrong("Path", Path, $"the private key is {KeyAlgorithm.Name(certificate.PublicKey.Oid)}; {KeyAlgorithm.Allowed}");
        }
        catch (CryptographicException error) when (error.HResult == WrongPassword)
        {
            throw Wrong("Password", null, Password is null ? $"{Path} needs a password" : $"the password does not open {Path}");
        }
    }

    private X509Certificate2 WithKey(X509Certificate2Collection chain, string content)
    {
        var path = KeyPath ?? Path;
        var text = KeyPath is null ? content : Encoding.UTF8.GetString(SettingsFile.Read($"{Setting}:KeyPath", KeyPath, MaxBytes));
        var name = KeyPath is null ? "Path" : "KeyPath";
        if (KeyPath is null && !PrivateKeyPem.IsIn(text))
        {
            throw Wrong("KeyPath", null, $"{Path} has no private key; set KeyPath to the key's PEM file");
        }

        try
        {
            using var key = PrivateKeyPem.Read(text, Password);
            return chain.Select(key.With).FirstOrDefault(static certificate => certificate is not null)
                ?? throw Wrong(name, path, $"the private key belongs to no certificate in {Path}");
        }
        catch (PrivateKeyException error)
        {
            throw error.IsPassword
                ? Wrong("Password", null, $"the private key in {path} {error.Message}")
                : Wrong(name, path, error.Message);
        }
    }

    private void CheckUsage(X509Certificate2 certificate)
    {
        var usages = certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().ToArray();
        var purposes = usages.SelectMany(static usage => usage.EnhancedKeyUsages.Cast<Oid>());
        if (usages.Length > 0 && !purposes.Any(static purpose => purpose.Value == ServerAuthentication))
        {
            throw Wrong("Path", Path, "the certificate's extended key usage does not include TLS servers (serverAuth)");
        }
    }

    private static X509ContentType TypeOf(byte[] content)
    {
        try
        {
            return X509Certificate2.GetCertContentType(content);
        }
        catch (CryptographicException)
        {
            // .NET recognises no format in it.
            return X509ContentType.Unknown;
        }
    }

    private static string? NonEmpty(string? value) => string.IsNullOrEmpty(value) ? null : value;

    private SettingsException Wrong(string key, string? value, string why) => new($"{Setting}:{key}", value, why);
}
