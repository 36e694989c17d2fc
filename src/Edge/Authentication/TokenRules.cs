using Microsoft.IdentityModel.JsonWebTokens;
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

        // A StringOrURI is compared as it stands (RFC 7519 §2).
        IgnoreTrailingSlashWhenValidatingAudience = false,
        TypeValidator = (type, token, _) => HasCriticalHeader(token)
            ? throw new SecurityTokenInvalidTypeException("The token has an extension that must be understood, and is not.")
            : type,
        IssuerSigningKeys = options.SigningKeys,
        IssuerSigningKeyResolverUsingConfiguration = options.MetadataAddress is null ? null : KeysOfId,
        ValidIssuer = options.Issuer,

        // Left alone, the library would also accept the issuer of the authority's metadata.
        IssuerValidator = options.Issuer is null ? null : (issuer, _, _) => issuer == options.Issuer
            ? issuer
            : throw new SecurityTokenInvalidIssuerException("The issuer is another one."),
        LifetimeValidator = (notBefore, expires, _, _) => IsCurrent(notBefore, expires, time.GetUtcNow().UtcDateTime),
        ValidAlgorithms = options.SigningKeys.Count == 0 ? Asymmetric : [.. Asymmetric, .. Symmetric],
        AlgorithmValidator = (algorithm, key, _, _) => Fits(algorithm, key),
    };

    /// <summary>
    /// Every key of the token's key id: several may share one, of other kinds or the same (RFC 7517 §4.5). Left alone, the library tries the first.
    /// </summary>
    private static IEnumerable<SecurityKey> KeysOfId(
        string token, SecurityToken parsed, string? id, TokenValidationParameters rules, BaseConfiguration? authority) =>
        string.IsNullOrEmpty(id) ? [] : [.. authority?.SigningKeys.Where(key => key.KeyId == id) ?? []];

    /// <summary>
    /// RFC 7515 §4.1.11: a token is refused whose <c>crit</c> names an extension that is not understood. The edge understands none; an empty list is not allowed.
    /// </summary>
    private static bool HasCriticalHeader(SecurityToken token) =>
        token is not JsonWebToken jwt || jwt.TryGetHeaderValue<object>("crit", out _);

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
