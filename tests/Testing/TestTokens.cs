using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Testing;

/// <summary>An authority's keys, and JSON Web Tokens signed with them by hand, so that no library agrees only with itself.</summary>
public static class TestTokens
{
    public const string Issuer = "https://issuer.example";
    public const string Audience = "edge";

    private static readonly RSA Rsa = RSA.Create(2048);
    private static readonly RSA Strange = RSA.Create(2048);
    private static readonly ECDsa Ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly byte[] Secret = RandomNumberGenerator.GetBytes(64);

    /// <summary>What a node needs to verify the tokens, as settings; the public keys go into <paramref name="directory"/>.</summary>
    public static string[] Settings(TemporaryDirectory directory)
    {
        File.WriteAllText(directory.File("rsa.pem"), Rsa.ExportSubjectPublicKeyInfoPem());
        File.WriteAllText(directory.File("ec.pem"), Ec.ExportSubjectPublicKeyInfoPem());
        return
        [
            $"Edge:Authentication:Jwt:SigningKeys:0={directory.File("rsa.pem")}",
            $"Edge:Authentication:Jwt:SigningKeys:1={directory.File("ec.pem")}",
            $"Edge:Authentication:Jwt:SigningKeys:2=base64:{Convert.ToBase64String(Secret)}",
            $"Edge:Authentication:Jwt:Audience={Audience}",
            $"Edge:Authentication:Jwt:Issuer={Issuer}",
        ];
    }

    /// <summary>The RSA key as an authority publishes it (RFC 7517).</summary>
    public static string KeySet()
    {
        var key = Rsa.ExportParameters(includePrivateParameters: false);
        return new JsonObject
        {
            ["keys"] = new JsonArray(new JsonObject
            {
                ["kty"] = "RSA",
                ["use"] = "sig",
                ["kid"] = "rsa",
                ["n"] = Encode(key.Modulus!),
                ["e"] = Encode(key.Exponent!),
            }),
        }.ToJsonString();
    }

    /// <summary>A token that is valid for five minutes from now on.</summary>
    public static string Create(string algorithm = "RS256", string subject = "user-1", params (string Name, string Value)[] claims) =>
        Create(DateTimeOffset.UtcNow, algorithm, subject, claims);

    /// <param name="now">When it was issued.</param>
    /// <param name="algorithm">RS256, ES256, HS256; <c>strange</c> for RS256 with an unknown key, <c>none</c> for no signature.</param>
    /// <param name="subject">The <c>sub</c>.</param>
    /// <param name="claims">More claims, or others in the place of the usual ones; numbers become numbers.</param>
    public static string Create(DateTimeOffset now, string algorithm, string subject, params (string Name, string Value)[] claims)
    {
        var header = new JsonObject { ["alg"] = algorithm == "strange" ? "RS256" : algorithm, ["typ"] = "JWT" };
        if (algorithm == "RS256")
        {
            header["kid"] = "rsa";
        }

        var payload = new JsonObject
        {
            ["iss"] = Issuer,
            ["aud"] = Audience,
            ["sub"] = subject,
            ["nbf"] = now.AddMinutes(-1).ToUnixTimeSeconds(),
            ["exp"] = now.AddMinutes(5).ToUnixTimeSeconds(),
        };
        foreach (var (name, value) in claims)
        {
            payload[name] = long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
                ? number
                : value;
        }

        var signed = $"{Encode(header)}.{Encode(payload)}";
        return $"{signed}.{Encode(Sign(algorithm, Encoding.ASCII.GetBytes(signed)))}";
    }

    private static byte[] Sign(string algorithm, byte[] data) => algorithm switch
    {
        "RS256" => Rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        "strange" => Strange.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        "ES256" => Ec.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation),
        "HS256" => HMACSHA256.HashData(Secret, data),
        "none" => [],
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "Not one of those here."),
    };

    private static string Encode(JsonObject json) => Encode(Encoding.UTF8.GetBytes(json.ToJsonString()));

    private static string Encode(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
}
