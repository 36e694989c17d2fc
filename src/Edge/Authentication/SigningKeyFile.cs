using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Edge.Settings;
using Microsoft.IdentityModel.Tokens;

namespace Edge.Authentication;

/// <summary>
/// Reads one entry of <c>SigningKeys</c>. Errors do not contain its value, which may be a secret, even without the prefix.
/// </summary>
internal static class SigningKeyFile
{
    /// <summary>RFC 7518, 3.2: the key must not be shorter than the hash.</summary>
    private const int MinSecretBytes = 32;

    /// <summary>RFC 7518, 3.3.</summary>
    private const int MinRsaBits = 2048;

    private const string SecretPrefix = "base64:";

    /// <exception cref="SettingsException">The entry is no key that can verify tokens.</exception>
    public static SecurityKey Read(string setting, string value)
    {
        if (value.StartsWith(SecretPrefix, StringComparison.OrdinalIgnoreCase))
        {
            var secret = new byte[value.Length];
            return Convert.TryFromBase64String(value[SecretPrefix.Length..], secret, out var length) && length >= MinSecretBytes
                ? new SymmetricSecurityKey(secret[..length])
                : throw Refused(setting, $"the part after base64: must be at least {MinSecretBytes} bytes in base64");
        }

        string pem;
        try
        {
            pem = File.ReadAllText(value);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw Refused(setting, "the file cannot be read; allowed are a PEM file or base64:<secret>");
        }

        if (pem.Contains("PRIVATE KEY-----", StringComparison.Ordinal))
        {
            throw Refused(setting, "the file has a private key; the edge needs only the public one");
        }

        try
        {
            return pem.Contains("-----BEGIN CERTIFICATE-----", StringComparison.Ordinal) ? FromCertificate(setting, pem)
                : TryRsa(setting, pem) is { } rsa ? rsa : Ecdsa(pem);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw Refused(setting, "the file has no PEM public key (RSA or EC) and no certificate");
        }
    }

    private static SecurityKey FromCertificate(string setting, string pem)
    {
        using var certificate = X509Certificate2.CreateFromPem(pem);
        if (certificate.GetRSAPublicKey() is { } rsa)
        {
            return Checked(setting, rsa);
        }

        return new ECDsaSecurityKey(certificate.GetECDsaPublicKey() ?? throw new CryptographicException("Neither RSA nor EC."));
    }

    private static RsaSecurityKey? TryRsa(string setting, string pem)
    {
        var rsa = RSA.Create();
        try
        {
            rsa.ImportFromPem(pem);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            // The key may be of another type. The caller tries EC next.
            rsa.Dispose();
            return null;
        }

        return Checked(setting, rsa);
    }

    private static ECDsaSecurityKey Ecdsa(string pem)
    {
        var ecdsa = ECDsa.Create();
        ecdsa.ImportFromPem(pem);
        return new ECDsaSecurityKey(ecdsa);
    }

    private static RsaSecurityKey Checked(string setting, RSA rsa) => rsa.KeySize >= MinRsaBits
        ? new RsaSecurityKey(rsa)
        : throw Refused(setting, $"an RSA key needs at least {MinRsaBits} bits");

    private static SettingsException Refused(string setting, string allowed) => new(setting, null, allowed);
}
