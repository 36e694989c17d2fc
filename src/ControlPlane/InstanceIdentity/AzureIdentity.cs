using System.Globalization;
using System.Security.Cryptography.Pkcs;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace ControlPlane.InstanceIdentity;

/// <summary>
/// Verifies Azure's attested data: PKCS#7 with a JSON document and the signer's certificates. The chain must end at a configured root, the
/// signer must have one of Azure's common names, and the document must not be expired. Agents send no nonce, so that none is compared.
/// </summary>
internal sealed class AzureIdentity(ControlPlaneOptions options, TimeProvider time)
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string CommonName = "2.5.4.3";

    // Such as "11/28/26 00:16:17 -0000", always in UTC.
    private const string TimeFormat = "MM/dd/yy HH:mm:ss zzz";

    public IdentityVerdict Verify(string signature)
    {
        if (options.InstanceIdentity.AzureCertificates.Count == 0)
        {
            return IdentityVerdict.Invalid("This server has no Azure certificates configured.");
        }

        if (SignedMessage.DecodeBase64(signature) is not { } bytes || SignedMessage.Decode(bytes, acceptSha1: false) is not { } message)
        {
            return IdentityVerdict.Invalid("The signature is not a PKCS#7 message in base64 with one signer and a SHA-2 digest.");
        }

        var signer = message.SignerInfos[0];
        try
        {
            if (signer.Certificate is not { } certificate || !HasAllowedName(certificate))
            {
                return IdentityVerdict.Invalid("The signer's common name is not one of Azure's.");
            }

            if (!IsTrusted(certificate, message.Certificates))
            {
                return IdentityVerdict.Invalid("The signer's certificate is expired, or its chain does not end at a configured root.");
            }
        }
        catch (Exception exception) when (SignedMessage.IsRefusal(exception))
        {
            return IdentityVerdict.Invalid("The signer's certificate cannot be read.");
        }

        return SignedMessage.IsSigned(signer, [])
            ? Read(message.ContentInfo)
            : IdentityVerdict.Invalid("The signature does not match the document.");
    }

    private bool HasAllowedName(X509Certificate2 certificate)
    {
        var names = certificate.SubjectName.EnumerateRelativeDistinguishedNames()
            .Where(static part => !part.HasMultipleElements && part.GetSingleElementType().Value == CommonName)
            .Select(static part => part.GetSingleElementValue())
            .ToArray();
        return names is [{ } name] && options.InstanceIdentity.AzureCommonNames.Any(allowed =>
            name.Equals(allowed, StringComparison.OrdinalIgnoreCase) || name.EndsWith("." + allowed, StringComparison.OrdinalIgnoreCase));
    }

    private bool IsTrusted(X509Certificate2 certificate, X509Certificate2Collection sent)
    {
        using var chain = new X509Chain();
        var policy = chain.ChainPolicy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        foreach (var configured in options.InstanceIdentity.AzureCertificates)
        {
            var isRoot = configured.SubjectName.RawData.AsSpan().SequenceEqual(configured.IssuerName.RawData);
            (isRoot ? policy.CustomTrustStore : policy.ExtraStore).Add(configured);
        }

        policy.ExtraStore.AddRange(sent);
        policy.ApplicationPolicy.Add(new(ServerAuthentication));
        policy.VerificationTime = time.GetUtcNow().LocalDateTime;

        // A certificate contains URLs of revocation lists and issuers. The sender chose them, and nothing is verified yet: none is fetched.
        policy.RevocationMode = X509RevocationMode.NoCheck;
        policy.DisableCertificateDownloads = true;
        return chain.Build(certificate);
    }

    private IdentityVerdict Read(ContentInfo content)
    {
        try
        {
            using var json = JsonDocument.Parse(content.Content);
            var root = json.RootElement;
            var now = time.GetUtcNow();
            var skew = options.InstanceIdentity.ClockSkew;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("timeStamp", out var times)
                || TimeOf(times, "createdOn") is not { } created || TimeOf(times, "expiresOn") is not { } expires
                || created > now + skew || expires <= now - skew)
            {
                return IdentityVerdict.Invalid("The document is expired, or has no valid times.");
            }

            return IdentityVerdict.Of(TextOf(root, "vmId"));
        }
        catch (JsonException)
        {
            return IdentityVerdict.Invalid("The signed document is not JSON.");
        }
    }

    private static DateTimeOffset? TimeOf(JsonElement times, string name) =>
        DateTimeOffset.TryParseExact(TextOf(times, name), TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.None, out var time)
            ? time
            : null;

    private static string? TextOf(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
