using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace ControlPlane.InstanceIdentity;

/// <summary>
/// Verifies Google's instance identity token: a JWT of <c>format=full</c>, which has the claim <c>google.compute_engine.instance_id</c>.
/// One of Google's published keys must have signed it with RS256. Its issuer must be Google, its audience this server, and it must not be
/// expired.
/// </summary>
internal sealed class GoogleIdentity(GoogleKeys keys, ControlPlaneOptions options, TimeProvider time)
{
    private const string BadToken = "The token is not one of Google's for this server, or it is expired.";

    private readonly JsonWebTokenHandler _handler = new() { MaximumTokenSizeInBytes = options.InstanceIdentity.MaxBodyBytes };

    public async Task<IdentityVerdict> VerifyAsync(string token)
    {
        if (!keys.AreConfigured)
        {
            return IdentityVerdict.Invalid("This server has no Google keys configured.");
        }

        if (KeyIdOf(token) is not { } keyId)
        {
            return IdentityVerdict.Invalid("The token is not a JSON Web Token with a key id.");
        }

        if (await keys.GetAsync(keyId) is not { } published)
        {
            return IdentityVerdict.Unavailable("Google's keys cannot be fetched at the moment.");
        }

        var result = await _handler.ValidateTokenAsync(token, Rules(keyId, published));
        return result is { IsValid: true, SecurityToken: JsonWebToken valid }
            ? IdentityVerdict.Of(InstanceIdOf(valid))
            : IdentityVerdict.Invalid(BadToken);
    }

    private TokenValidationParameters Rules(string keyId, IReadOnlyList<SecurityKey> published) => new()
    {
        RequireSignedTokens = true,
        RequireExpirationTime = true,
        ValidateIssuerSigningKey = true,
        ValidateIssuer = true,
        ValidateAudience = true,
        ValidateLifetime = true,
        ValidAlgorithms = [SecurityAlgorithms.RsaSha256],
        ValidIssuer = options.InstanceIdentity.GoogleIssuer,
        ValidAudience = options.InstanceIdentity.GoogleAudience,
        IssuerSigningKeys = published.Where(key => key.KeyId == keyId),
        TryAllIssuerSigningKeys = false,
        LifetimeValidator = (notBefore, expires, _, _) => IsCurrent(notBefore, expires),
    };

    private bool IsCurrent(DateTime? notBefore, DateTime? expires)
    {
        var now = time.GetUtcNow().UtcDateTime;
        var skew = options.InstanceIdentity.ClockSkew;
        return expires is { } end && now - skew < end && (notBefore is not { } start || start <= now + skew);
    }

    private string? KeyIdOf(string token)
    {
        try
        {
            return _handler.CanReadToken(token) && _handler.ReadJsonWebToken(token).Kid is { Length: > 0 } keyId ? keyId : null;
        }
        catch (Exception exception) when (exception is ArgumentException or JsonException or FormatException or SecurityTokenException)
        {
            return null;
        }
    }

    private static string? InstanceIdOf(JsonWebToken token) =>
        token.TryGetPayloadValue<JsonElement>("google", out var google)
        && google.ValueKind == JsonValueKind.Object && google.TryGetProperty("compute_engine", out var engine)
        && engine.ValueKind == JsonValueKind.Object && engine.TryGetProperty("instance_id", out var id)
        && id.ValueKind == JsonValueKind.String
            ? id.GetString()
            : null;
}
