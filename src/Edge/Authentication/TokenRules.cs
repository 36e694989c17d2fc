using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Edge.Authentication;

/// <summary>The rules for valid tokens: a signature by an allowed algorithm and a key for it, issuer, audience, lifetime.</summary>
internal static class TokenRules
{
    private static readonly string[] Asymmetric =
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];
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

        // StringOrURI values are compared without any change (RFC 7519 §2).
        IgnoreTrailingSlashWhenValidatingAudience = false,
        TypeValidator = (type, token, _) => HasCriticalHeader(token)
            ? throw new SecurityTokenInvalidTypeException("The token has a critical extension, which the edge does not support.")
            : type,
        IssuerSigningKeys = options.SigningKeys,
        IssuerSigningKeyResolverUsingConfiguration = options.MetadataAddress is null ? null : KeysById,
        ValidIssuer = options.Issuer,

        // Without this validator the library also accepts the issuer of the authority's metadata.
        IssuerValidator = options.Issuer is null ? null : (issuer, _, _) => issuer == options.Issuer
            ? issuer
            : throw new SecurityTokenInvalidIssuerException("The token has another issuer."),
        LifetimeValidator = (notBefore, expires, _, _) => IsCurrent(notBefore, expires, time.GetUtcNow().UtcDateTime),
        ValidAlgorithms = options.SigningKeys.Count == 0 ? Asymmetric : [.. Asymmetric, .. Symmetric],
        AlgorithmValidator = (algorithm, key, _, _) => IsAllowed(algorithm, key),
    };

    /// <summary>
    /// All keys with the token's key id. Keys of different types, or of the same type, may share an id (RFC 7517 §4.5). The library
    /// itself tries only the first one.
    /// </summary>
    private static IEnumerable<SecurityKey> KeysById(
        string token, SecurityToken parsed, string? id, TokenValidationParameters rules, BaseConfiguration? authority) =>
        string.IsNullOrEmpty(id) ? [] : [.. authority?.SigningKeys.Where(key => key.KeyId == id) ?? []];

    /// <summary>
    /// Whether the token has <c>crit</c>, which lists extensions that the receiver must understand (RFC 7515 §4.1.11). The edge
    /// supports none, and an empty list is not allowed.
    /// </summary>
    private static bool HasCriticalHeader(SecurityToken token) =>
        token is not JsonWebToken jwt || jwt.TryGetHeaderValue<object>("crit", out _);

    private static bool IsCurrent(DateTime? notBefore, DateTime? expires, DateTime now) =>
        expires is { } end && now - ClockSkew < end && (notBefore is not { } start || start <= now + ClockSkew);

    /// <summary>
    /// Whether the algorithm matches the key's type. A public key must never be used as an HMAC secret, nor the other
    /// way round.
    /// </summary>
    private static bool IsAllowed(string algorithm, SecurityKey key) => key switch
    {
        SymmetricSecurityKey => Symmetric.Contains(algorithm),
        RsaSecurityKey => algorithm.StartsWith("RS", StringComparison.Ordinal)
            || algorithm.StartsWith("PS", StringComparison.Ordinal),
        ECDsaSecurityKey => algorithm.StartsWith("ES", StringComparison.Ordinal),
        X509SecurityKey => Asymmetric.Contains(algorithm),
        JsonWebKey { Kty: JsonWebAlgorithmsKeyTypes.RSA or JsonWebAlgorithmsKeyTypes.EllipticCurve } => Asymmetric.Contains(algorithm),
        _ => false,
    } && (Asymmetric.Contains(algorithm) || Symmetric.Contains(algorithm));
}
