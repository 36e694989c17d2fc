using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using System.Security.Cryptography.X509Certificates;

namespace ControlPlane.InstanceIdentity;

/// <summary>Decodes and verifies PKCS#7 signed data (RFC 5652 §5) with one signer. The input is hostile.</summary>
internal static class SignedMessage
{
    // A chain has three or four. Each certificate costs time when the chain is built.
    private const int MaxCertificates = 16;

    private const string Sha1 = "1.3.14.3.2.26";

    // SHA-256, SHA-384 and SHA-512: the digests' own ids, and the ids of RSA signatures with them, which Azure writes in their place.
    private static readonly string[] Digests =
    [
        "2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3",
        "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13",
    ];

    /// <summary>The bytes of base64 text, which may have line breaks and PEM markers. Null when it is not base64.</summary>
    public static byte[]? DecodeBase64(string text)
    {
        var content = text.AsSpan().Trim();
        if (content.StartsWith("-----", StringComparison.Ordinal))
        {
            if (!PemEncoding.TryFind(content, out var fields))
            {
                return null;
            }

            content = content[fields.Base64Data];
        }

        var bytes = new byte[content.Length];
        return Convert.TryFromBase64Chars(content, bytes, out var written) && written > 0 ? bytes[..written] : null;
    }

    /// <summary>The message, or null unless it has exactly one signer and an accepted digest.</summary>
    /// <param name="bytes">The message in DER or BER.</param>
    /// <param name="acceptSha1">Whether SHA-1 is accepted besides SHA-2.</param>
    /// <param name="detached">The signed content, for a message that does not contain it.</param>
    public static SignedCms? Decode(byte[] bytes, bool acceptSha1, byte[]? detached = null)
    {
        try
        {
            var message = detached is null ? new SignedCms() : new SignedCms(new ContentInfo(detached), detached: true);
            message.Decode(bytes);
            return message.SignerInfos.Count == 1 && message.Certificates.Count <= MaxCertificates
                && message.SignerInfos[0].DigestAlgorithm.Value is { } digest
                && (Digests.Contains(digest) || (acceptSha1 && digest == Sha1))
                ? message
                : null;
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            return null;
        }
    }

    /// <summary>
    /// Whether the signature is valid for the certificate that the signer names, from the message itself or from <paramref name="others"/>.
    /// The certificate is not verified.
    /// </summary>
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

    /// <summary>Whether .NET throws this for a message, certificate or key that is malformed or of an unknown kind.</summary>
    public static bool IsRefusal(Exception exception) =>
        exception is CryptographicException or NotSupportedException or ArgumentException or InvalidOperationException or FormatException;
}
