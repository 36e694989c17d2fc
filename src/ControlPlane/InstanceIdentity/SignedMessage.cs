using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using System.Security.Cryptography.X509Certificates;

namespace ControlPlane.InstanceIdentity;

/// <summary>PKCS#7 signed data (RFC 5652 §5) with one signer, from hostile hands.</summary>
internal static class SignedMessage
{
    // A chain has three or four; each one costs a look when the chain is built.
    private const int MaxCertificates = 16;

    private const string Sha1 = "1.3.14.3.2.26";

    // SHA-256, 384 and 512, by themselves and as Azure writes them: by the name of the signature algorithm.
    private static readonly string[] Digests =
    [
        "2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3",
        "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13",
    ];

    /// <summary>The bytes of base64, also in lines and between PEM's marks; null if it is none.</summary>
    public static byte[]? DecodeBase64(string text)
    {
        var content = text.AsSpan().Trim();
        if (content.StartsWith("-----", StringComparison.Ordinal))
        {
            if (!System.Security.Cryptography.PemEncoding.TryFind(content, out var fields))
            {
                return null;
            }

            content = content[fields.Base64Data];
        }

        var bytes = new byte[content.Length];
        return Convert.TryFromBase64Chars(content, bytes, out var written) && written > 0 ? bytes[..written] : null;
    }

    /// <summary>The message, if it is one with exactly one signer and a sound digest. <paramref name="detached"/> is what was signed, where the message does not hold it.</summary>
    public static SignedCms? Decode(byte[] bytes, bool acceptSha1, byte[]? detached = null)
    {
        try
        {
            var message = detached is null ? new SignedCms() : new SignedCms(new ContentInfo(detached), detached: true);
            message.Decode(bytes);
            return message.SignerInfos.Count == 1 && message.Certificates.Count <= MaxCertificates
                && message.SignerInfos[0].DigestAlgorithm.Value is { } digest && (Digests.Contains(digest) || (acceptSha1 && digest == Sha1))
                ? message
                : null;
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            return null;
        }
    }

    /// <summary>Whether the one signer's key is that of the certificate which the message names, in the message itself or in <paramref name="others"/>.</summary>
    public static bool IsSigned(SignerInfo signer, X509Certificate2Collection others)
    {
        try
        {
            signer.CheckSignature(others, verifySignatureOnly: true);
            return true;
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            return false;
        }
    }

    /// <summary>What the platform throws for a message, certificate or key that is broken or of a kind that it does not know.</summary>
    public static bool IsRefusal(Exception exception) =>
        exception is CryptographicException or NotSupportedException or ArgumentException or InvalidOperationException or FormatException;
}
