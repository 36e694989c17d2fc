using Microsoft.IdentityModel.Tokens;

namespace Edge.Authentication;

/// <summary>What makes a token valid: signature by an allowed algorithm and the right kind of key, issuer, audience, lifetime.</summary>
internal static class TokenRules
{
    private static readonly string[] Asymmetric = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];
    private static readonly string[] Symmetric = ["HS256", "HS384", "HS512"];
    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    public static TokenValidationParameters Create(EdgeJwtOptions options, TimeProvider time) => new()
    {
        RequireSignedTokens = true,
        RequireExpirationTime = true,
        ValidateIssuerSigningKey = true,
        ValidateIssuer = true,
        ValidateAudience = true,
        ValidateLifetime = true,
        ValidAudience = options.Audience,
        IssuerSigningKeys = options.SigningKeys,
        ValidIssuer = options.Issuer,

        // Left alone, the library would also accept the issuer of the authority's metadata.
        IssuerValidator = options.Issuer is null ? null : (issuer, _, _) => issuer == options.Issuer
            ? issuer
            : throw new SecurityTokenInvalidIssuerException("The issuer is another one."),
        LifetimeValidator = (notBefore, expires, _, _) => IsCurrent(notBefore, expires, time.GetUtcNow().UtcDateTime),
        ValidAlgorithms = options.SigningKeys.Count == 0 ? Asymmetric : [.. Asymmetric, .. Symmetric],
        AlgorithmValidator = (algorithm, key, _, _) => Fits(algorithm, key),
    };

    private static bool IsCurrent(DateTime? notBefore, DateTime? expires, DateTime now) =>
        expires is { } end && now - ClockSkew < end && (notBefore is not { } start || start <= now + ClockSkew);

    /// <summary>A public key never verifies as an HMAC secret, nor the other way round.</summary>
    private static bool Fits(string algorithm, SecurityKey key) => key switch
    {
        SymmetricSecurityKey => Symmetric.Contains(algorithm),
        RsaSecurityKey => algorithm.StartsWith("RS", StringComparison.Ordinal) || algorithm.StartsWith("PS", StringComparison.Ordinal),
        ECDsaSecurityKey => algorithm.StartsWith("ES", StringComparison.Ordinal),
        X509SecurityKey or JsonWebKey { Kty: JsonWebAlgorithmsKeyTypes.RSA or JsonWebAlgorithmsKeyTypes.EllipticCurve } => Asymmetric.Contains(algorithm),
        _ => false,
    } && (Asymmetric.Contains(algorithm) || Symmetric.Contains(algorithm));
}
