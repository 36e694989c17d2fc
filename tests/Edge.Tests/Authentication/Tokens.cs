using System.Security.Cryptography;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Edge.Tests.Authentication;

/// <summary>An authority's keys, and tokens signed with them.</summary>
internal sealed class Tokens(TimeProvider time)
{
    public const string Issuer = "https://issuer.example";
    public const string Audience = "edge";

    public static RsaSecurityKey Rsa { get; } = new(RSA.Create(2048)) { KeyId = "rsa" };

    public static RsaSecurityKey OtherRsa { get; } = new(RSA.Create(2048)) { KeyId = "other" };

    public static ECDsaSecurityKey Ec { get; } = new(ECDsa.Create(ECCurve.NamedCurves.nistP256)) { KeyId = "ec" };

    public static byte[] Secret { get; } = RandomNumberGenerator.GetBytes(64);

    public string Create(
        SecurityKey? key = null,
        string algorithm = "RS256",
        string audience = Audience,
        string issuer = Issuer,
        string? subject = "user-1",
        double minutes = 5,
        double notBefore = -1,
        (string Name, object Value)? header = null,
        params (string Type, object Value)[] claims)
    {
        var now = time.GetUtcNow().UtcDateTime;
        var all = claims.ToDictionary(static claim => claim.Type, static claim => claim.Value);
        if (subject is not null)
        {
            all["sub"] = subject;
        }

        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer,
            Audience = audience,
            NotBefore = now.AddMinutes(notBefore),
            Expires = now.AddMinutes(minutes),
            Claims = all,
            AdditionalHeaderClaims = header is { } added ? new Dictionary<string, object> { [added.Name] = added.Value } : null,
            SigningCredentials = new SigningCredentials(key ?? Rsa, algorithm),
        });
    }
}
