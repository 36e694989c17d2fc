using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace ControlPlane.InstanceIdentity;

/// <summary>
/// Verifies AWS's instance identity document and its signature, in any of the three forms of the metadata service: <c>signature</c> (base64
/// of RSA PKCS#1 v1.5 with SHA-256), <c>rsa2048</c> and <c>pkcs7</c> (PKCS#7, with or without PEM markers). A document has no expiry:
/// anybody who has read it on the instance can use it until the instance's binding is deleted.
/// </summary>
internal sealed class AwsIdentity(ControlPlaneOptions options, TimeProvider time)
{
    private const string BadSignature = "The signature is not that of any of the configured AWS certificates over this document.";

    public IdentityVerdict Verify(string document, string signature)
    {
        if (options.InstanceIdentity.AwsCertificates.Count == 0)
        {
            return IdentityVerdict.Invalid("This server has no AWS certificates configured.");
        }

        var now = time.GetUtcNow().UtcDateTime;
        var current = options.InstanceIdentity.AwsCertificates
            .Where(certificate => certificate.NotBefore.ToUniversalTime() <= now && now <= certificate.NotAfter.ToUniversalTime())
            .ToArray();
        if (SignedMessage.DecodeBase64(signature) is not { } bytes)
        {
            return IdentityVerdict.Invalid("The signature is not base64.");
        }

        var content = Encoding.UTF8.GetBytes(document);
        return IsSignature(content, bytes, current) || IsMessage(content, bytes, current)
            ? IdentityVerdict.Of(InstanceIdOf(content))
            : IdentityVerdict.Invalid(BadSignature);
    }

    private static bool IsSignature(byte[] content, byte[] signature, IEnumerable<X509Certificate2> certificates)
    {
        foreach (var certificate in certificates)
        {
            using var key = certificate.GetRSAPublicKey();

            // An RSA signature is as long as the key. Another length means PKCS#7.
            if (key is not null && signature.Length == key.KeySize / 8
                && key.VerifyData(content, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsMessage(byte[] content, byte[] bytes, X509Certificate2[] certificates)
    {
        // "pkcs7" is DSA with SHA-1. It is accepted where the operator configured its certificate: a SHA-1 collision would need AWS's key
        // to sign a document of the attacker's choice.
        var message = SignedMessage.Decode(bytes, acceptSha1: true);
        if (message?.ContentInfo.Content.Length == 0)
        {
            message = SignedMessage.Decode(bytes, acceptSha1: true, detached: content);
        }
        else if (message?.ContentInfo.Content.AsSpan().SequenceEqual(content) == false)
        {
            return false;
        }

        if (message is null)
        {
            return false;
        }

        // SignedCms prefers certificates in the message. The sender chose those, so that only configured ones count.
        foreach (var embedded in message.Certificates)
        {
            message.RemoveCertificate(embedded);
        }

        return SignedMessage.IsSigned(message.SignerInfos[0], [.. certificates]);
    }

    private static string? InstanceIdOf(byte[] document)
    {
        try
        {
            using var json = JsonDocument.Parse(document);
            return json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("instanceId", out var id) && id.ValueKind == JsonValueKind.String
                ? id.GetString()
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
