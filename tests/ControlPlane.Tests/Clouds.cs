using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>Certificate authorities and keys of the tests' own, and what clouds would sign with them.</summary>
internal static class Clouds
{
    public static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public const string AwsDocument = """
        {
          "accountId" : "123456789012",
          "instanceId" : "i-0123456789abcdef0",
          "region" : "eu-central-1"
        }
        """;

    public const string AwsInstance = "i-0123456789abcdef0";
    public const string AzureInstance = "960a4b4a-dab2-44ef-9b73-7753043b4f16";
    public const string GoogleInstance = "4567890123456789012";

    // Making a key takes long, and no test needs another one for each signer.
    private static readonly RSA LeafKey = RSA.Create(2048);

    public static X509Certificate2 SelfSigned(string name)
    {
        var request = new CertificateRequest(name, RSA.Create(2048), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return request.CreateSelfSigned(Now.AddYears(-1), Now.AddYears(1));
    }

    public static X509Certificate2 Authority(string name, X509Certificate2? issuer = null, DateTimeOffset? notAfter = null)
    {
        var key = RSA.Create(2048);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        return issuer is null
            ? request.CreateSelfSigned(Now.AddYears(-1), notAfter ?? Now.AddYears(1))
            : request.Create(issuer, Now.AddDays(-100), notAfter ?? Now.AddDays(100), RandomNumberGenerator.GetBytes(8))
                .CopyWithPrivateKey(key);
    }

    /// <summary>A certificate for signing; with <paramref name="purpose"/> null it has none named.</summary>
    public static X509Certificate2 Leaf(
        string name, X509Certificate2 issuer, DateTimeOffset? notAfter = null, string? purpose = "1.3.6.1.5.5.7.3.1")
    {
        var request = new CertificateRequest(name, LeafKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        if (purpose is not null)
        {
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], false));
        }

        return request.Create(issuer, Now.AddDays(-50), notAfter ?? Now.AddDays(50), RandomNumberGenerator.GetBytes(8))
            .CopyWithPrivateKey(LeafKey);
    }

    /// <summary>A certificate with a 1024-bit DSA key, such as AWS's oldest form of signature needs.</summary>
    public static X509Certificate2 DsaSelfSigned(string name)
    {
        var key = DSA.Create(1024);
        var subject = new X500DistinguishedName(name);
        var request = new CertificateRequest(subject, new PublicKey(key), HashAlgorithmName.SHA1);
        return request.Create(subject, new DsaGenerator(key), Now.AddYears(-1), Now.AddYears(1), RandomNumberGenerator.GetBytes(8))
            .CopyWithPrivateKey(key);
    }

    /// <summary>AWS's <c>signature</c>: in lines, as the metadata service gives it.</summary>
    public static string AwsSignature(X509Certificate2 certificate, string document = AwsDocument)
    {
        using var key = certificate.GetRSAPrivateKey()!;
        return Convert.ToBase64String(
            key.SignData(Encoding.UTF8.GetBytes(document), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
            Base64FormattingOptions.InsertLineBreaks);
    }

    public static string Message(
        string content,
        X509Certificate2 signer,
        X509IncludeOption include = X509IncludeOption.EndCertOnly,
        bool detached = false,
        string digest = "2.16.840.1.101.3.4.2.1",
        params X509Certificate2[] others) => Convert.ToBase64String(MessageBytes(content, signer, include, detached, digest, others));

    public static byte[] MessageBytes(
        string content, X509Certificate2 signer, X509IncludeOption include, bool detached, string digest, params X509Certificate2[] others)
    {
        var message = new SignedCms(new ContentInfo(Encoding.UTF8.GetBytes(content)), detached);
        var by = new CmsSigner(SubjectIdentifierType.IssuerAndSerialNumber, signer)
        {
            IncludeOption = include,
            DigestAlgorithm = new Oid(digest),
        };
        by.Certificates.AddRange(others);
        message.ComputeSignature(by);
        return message.Encode();
    }

    public static string AzureDocument(
        string createdOn = "12/31/25 23:00:00 -0000", string expiresOn = "01/01/26 05:00:00 -0000", string vmId = AzureInstance) =>
        JsonSerializer.Serialize(
            new { nonce = "20260101-000000", timeStamp = new { createdOn, expiresOn }, vmId, subscriptionId = Guid.Empty });

    public static string KeySet(params (string Id, RSA Key)[] keys) => JsonSerializer.Serialize(new
    {
        keys = keys.Select(static pair => new
        {
            kty = "RSA",
            use = "sig",
            alg = "RS256",
            kid = pair.Id,
            n = Encode(pair.Key.ExportParameters(false).Modulus!),
            e = Encode(pair.Key.ExportParameters(false).Exponent!),
        }),
    });

    /// <summary>A token as Google's metadata service makes it, signed by hand.</summary>
    public static string GoogleToken(
        RSA key,
        string keyId = "one",
        string audience = "coder",
        string issuer = "https://accounts.google.com",
        double expiresInMinutes = 60,
        string algorithm = "RS256",
        object? google = null)
    {
        var header = Encode(JsonSerializer.SerializeToUtf8Bytes(new { alg = algorithm, kid = keyId, typ = "JWT" }));
        var payload = Encode(JsonSerializer.SerializeToUtf8Bytes(new
        {
            iss = issuer,
            aud = audience,
            sub = "1234567890",
            iat = Now.ToUnixTimeSeconds(),
            exp = Now.AddMinutes(expiresInMinutes).ToUnixTimeSeconds(),
            google = google ?? new { compute_engine = new { instance_id = GoogleInstance, instance_name = "vm", zone = "z" } },
        }));
        var signed = Encoding.ASCII.GetBytes($"{header}.{payload}");
        var signature = algorithm switch
        {
            "RS256" => key.SignData(signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
            "HS256" => HMACSHA256.HashData(key.ExportSubjectPublicKeyInfo(), signed),
            _ => [],
        };
        return $"{header}.{payload}.{Encode(signature)}";
    }

    private static string Encode(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    private sealed class DsaGenerator(DSA key) : X509SignatureGenerator
    {
        protected override PublicKey BuildPublicKey() => new(key);

        public override byte[] GetSignatureAlgorithmIdentifier(HashAlgorithmName hashAlgorithm)
        {
            var writer = new AsnWriter(AsnEncodingRules.DER);
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier("1.2.840.10040.4.3"); // dsa-with-sha1
            }

            return writer.Encode();
        }

        public override byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm) =>
            key.SignData(data, hashAlgorithm, DSASignatureFormat.Rfc3279DerSequence);
    }
}
