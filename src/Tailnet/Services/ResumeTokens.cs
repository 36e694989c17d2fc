using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Google.Protobuf.WellKnownTypes;
using Tailnet.Messages;

namespace Tailnet.Services;

/// <summary>The result of checking a client's resume token.</summary>
public enum ResumeTokenStatus
{
    /// <summary>The client gets the peer id of the token again.</summary>
    Valid,

    /// <summary>The token names no key, so this server has not issued it: the client gets a new id, without an error.</summary>
    Foreign,

    /// <summary>The token is broken, forged, signed by an unknown key, or expired: 401 with a validation of <c>resume_token</c>.</summary>
    Invalid,
}

/// <summary>A key that signs resume tokens.</summary>
/// <param name="Sequence">The key's number, which tokens carry as <c>kid</c>.</param>
/// <param name="Secret">64 random bytes.</param>
public sealed record ResumeTokenKey(int Sequence, byte[] Secret);

/// <summary>
/// Signs and checks resume tokens: JWS compact, HS512, claims <c>sub</c> (the peer id) and <c>exp</c> (tailnet.md §3.7).
/// </summary>
/// <param name="keys">The keys, newest first; not empty. The first one signs, and all of them verify.</param>
/// <param name="clock">The clock; null for the system's.</param>
public sealed class ResumeTokens(IReadOnlyList<ResumeTokenKey> keys, TimeProvider? clock = null) : IResumeTokens
{
    /// <summary>The lifetime of a token.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

    /// <summary>The time after which clients should fetch a new token.</summary>
    public static readonly TimeSpan RefreshIn = TimeSpan.FromHours(12);

    private const int LongestToken = 2048;
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;

    /// <inheritdoc/>
    public ValueTask<RefreshResumeTokenResponse> IssueAsync(Guid peer, CancellationToken cancellationToken = default)
    {
        var expires = _clock.GetUtcNow() + Lifetime;
        var key = keys[0];
        var head = JsonSerializer.SerializeToUtf8Bytes(
            new Head("HS512", key.Sequence.ToString(CultureInfo.InvariantCulture)), ResumeTokenJson.Default.Head);
        var claims = JsonSerializer.SerializeToUtf8Bytes(
            new Claims(peer.ToString(), expires.ToUnixTimeSeconds()), ResumeTokenJson.Default.Claims);
        var signed = $"{Base64Url.EncodeToString(head)}.{Base64Url.EncodeToString(claims)}";
        return ValueTask.FromResult(new RefreshResumeTokenResponse
        {
            Token = $"{signed}.{Base64Url.EncodeToString(Sign(key, signed))}",
            RefreshIn = Duration.FromTimeSpan(RefreshIn),
            ExpiresAt = Timestamp.FromDateTimeOffset(expires),
        });
    }

    /// <summary>Checks a client's token; never throws.</summary>
    /// <param name="token">The token, unchanged.</param>
    /// <param name="peer">The peer id of a valid token.</param>
    public ResumeTokenStatus Verify(string token, out Guid peer)
    {
        peer = Guid.Empty;
        var parts = token.Length <= LongestToken ? token.Split('.') : [];
        if (parts.Length != 3 || TryDecode(parts[0]) is not { } head || ReadText(head, "alg") is not { } algorithm)
        {
            return ResumeTokenStatus.Invalid;
        }

        if (ReadText(head, "kid") is not { } kid)
        {
            return ResumeTokenStatus.Foreign;
        }

        var key = keys.FirstOrDefault(key => key.Sequence.ToString(CultureInfo.InvariantCulture) == kid);
        if (algorithm != "HS512"
            || key is null
            || TryDecode(parts[2]) is not { } signature
            || !CryptographicOperations.FixedTimeEquals(signature, Sign(key, $"{parts[0]}.{parts[1]}")))
        {
            return ResumeTokenStatus.Invalid;
        }

        return TryDecode(parts[1]) is { } claims
            && ReadNumber(claims, "exp") > _clock.GetUtcNow().ToUnixTimeSeconds()
            && Guid.TryParse(ReadText(claims, "sub"), out peer)
                ? ResumeTokenStatus.Valid
                : ResumeTokenStatus.Invalid;
    }

    private static byte[] Sign(ResumeTokenKey key, string signed) => HMACSHA512.HashData(key.Secret, Encoding.UTF8.GetBytes(signed));

    private static byte[]? TryDecode(string part)
    {
        var bytes = new byte[Base64Url.GetMaxDecodedLength(part.Length)];
        return Base64Url.IsValid(part) && Base64Url.TryDecodeFromChars(part, bytes, out var written) ? bytes[..written] : null;
    }

    private static string? ReadText(byte[] json, string name) =>
        TryRead(json, name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    private static long? ReadNumber(byte[] json, string name) =>
        TryRead(json, name) is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out var number) ? (long)number : null;

    private static JsonElement? TryRead(byte[] json, string name)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(name, out var value)
                ? value.Clone()
                : null;
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    internal sealed record Head(string Alg, string Kid);

    internal sealed record Claims(string Sub, long Exp);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ResumeTokens.Head))]
[JsonSerializable(typeof(ResumeTokens.Claims))]
internal sealed partial class ResumeTokenJson : JsonSerializerContext;
