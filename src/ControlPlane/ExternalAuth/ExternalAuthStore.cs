using System.Text.Json;
using ControlPlane.Http;
using ControlPlane.Storage;

namespace ControlPlane.ExternalAuth;

/// <summary>Signals by the user's id that a token was stored, for agents that wait for it.</summary>
internal sealed class ExternalAuthSignals(ChangeNotices notices) : Signals(notices, "token");

/// <summary>Stores users' tokens for external services.</summary>
internal sealed class ExternalAuthStore(Database database, ExternalAuthSignals signals, TimeProvider time)
{
    /// <summary>The longest extra JSON of a token, in characters.</summary>
    public const int MaxExtraCharacters = 64 * 1024;

    /// <summary>Stores or replaces a token, and wakes the agents that wait for it. False if the user does not exist.</summary>
    /// <exception cref="ArgumentException">The token is not printable ASCII, or its extra text is not a JSON object.</exception>
    public async Task<bool> SetAsync(Guid userId, string providerId, ExternalAuthToken token, CancellationToken cancellationToken)
    {
        if (!ExternalAuthToken.IsUsable(token.AccessToken))
        {
            throw new ArgumentException(
                $"The token must be printable ASCII without spaces, of at most {ExternalAuthToken.MaxCharacters} characters.",
                nameof(token));
        }

        if (token.Extra is { } extra && !IsExtra(extra))
        {
            throw new ArgumentException(
                $"The extra text of a token must be a JSON object of at most {MaxExtraCharacters} characters.", nameof(token));
        }

        var stored = await database.WriteAsync(
            connection => connection.Execute(
                """
                INSERT INTO external_auth_tokens (user_id, provider_id, access_token, token_extra, expires_at, updated_at)
                SELECT id, @provider, @token, @extra, @expires, @now FROM users WHERE id = @user
                ON CONFLICT (user_id, provider_id) DO UPDATE SET access_token = excluded.access_token, token_extra = excluded.token_extra,
                    expires_at = excluded.expires_at, updated_at = excluded.updated_at
                """,
                ("@user", userId),
                ("@provider", providerId),
                ("@token", token.AccessToken),
                ("@extra", token.Extra),
                ("@expires", token.ExpiresAt),
                ("@now", time.GetUtcNow())),
            cancellationToken);
        signals.Pulse(userId);
        return stored == 1;
    }

    /// <summary>Deletes a token. False if there was none.</summary>
    public async Task<bool> RemoveAsync(Guid userId, string providerId, CancellationToken cancellationToken) => await database.WriteAsync(
        connection => connection.Execute(
            "DELETE FROM external_auth_tokens WHERE user_id = @user AND provider_id = @provider",
            ("@user", userId),
            ("@provider", providerId)),
        cancellationToken) == 1;

    /// <summary>Finds the token, even an expired one.</summary>
    public ValueTask<ExternalAuthToken?> FindAsync(Guid userId, string providerId) =>
        database.ReadAsync(connection => connection.FirstAsync(
            "SELECT * FROM external_auth_tokens WHERE user_id = @user AND provider_id = @provider",
            static reader => new ExternalAuthToken(
                reader.Text("access_token"), reader.TextOrNull("token_extra"), reader.TimeOrNull("expires_at")),
            ("@user", userId),
            ("@provider", providerId)));

    public ValueTask<List<ExternalAuthLink>> ListAsync(Guid userId) => database.ReadAsync(connection => connection.ListAsync(
        "SELECT provider_id, updated_at, expires_at FROM external_auth_tokens WHERE user_id = @user ORDER BY provider_id",
        static reader => new ExternalAuthLink(reader.Text("provider_id"), reader.Time("updated_at"), reader.TimeOrNull("expires_at")),
        ("@user", userId)));

    /// <summary>Whether a text can be stored with a token: a JSON object within the limits of length and depth.</summary>
    public static bool IsExtra(string text)
    {
        try
        {
            // The response nests the object one level deeper.
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = WireJson.MaxDepth - 1 });
            return text.Length <= MaxExtraCharacters && document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
