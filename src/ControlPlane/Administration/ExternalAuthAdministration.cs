using System.Text.Json;
using ControlPlane.ExternalAuth;
using ControlPlane.Storage;

namespace ControlPlane.Administration;

/// <summary>The body that stores a user's token for an external service.</summary>
internal sealed class SetExternalAuth
{
    /// <summary>The token: 1 to 16,384 characters of printable ASCII without spaces.</summary>
    public string AccessToken { get; set; } = "";

    /// <summary>A JSON object with the other properties of the service's token response; null for none.</summary>
    public JsonElement? TokenExtra { get; set; }

    /// <summary>The time at which the token expires; null: never.</summary>
    public DateTimeOffset? ExpiresAt { get; set; }
}

/// <summary>A configured external service.</summary>
/// <param name="Id">The service's id in the configuration.</param>
/// <param name="Type">The service's kind, such as <c>github</c>.</param>
/// <param name="DisplayName">The display name.</param>
/// <param name="Pattern">The regular expression that URLs of the service match; null: agents request it by id only.</param>
/// <param name="LinkUrl">The page where a user without a token gets one.</param>
/// <param name="Shared">Whether all users share one token, from a file.</param>
internal sealed record ProviderRow(string Id, string Type, string DisplayName, string? Pattern, Uri? LinkUrl, bool Shared);

/// <summary>The configured external services.</summary>
/// <param name="Providers">All services, in the order of the configuration.</param>
internal sealed record ProviderList(IReadOnlyList<ProviderRow> Providers);

/// <summary>The external services for which a user has a token.</summary>
/// <param name="Links">One entry for each service.</param>
internal sealed record LinkList(IReadOnlyList<ExternalAuthLink> Links);

/// <summary>Manages users' tokens for external services. No response contains a token.</summary>
internal sealed class ExternalAuthAdministration(Database database, ExternalAuthProviders providers, ExternalAuthStore store)
{
    public ProviderList Providers() => new([.. providers.All.Select(static provider => new ProviderRow(
        provider.Id,
        provider.Type,
        provider.DisplayName,
        provider.Pattern?.ToString(),
        provider.LinkUrl,
        provider.TokenFile is not null))]);

    public async Task<LinkList> LinksAsync(string user) => new(await store.ListAsync(await UserIdAsync(user)));

    public async Task SetAsync(string user, string provider, SetExternalAuth request, CancellationToken cancellationToken)
    {
        var id = await UserIdAsync(user);
        if (providers.FindById(provider) is not { } known)
        {
            throw RefusedException.NotFound("provider");
        }

        if (known.TokenFile is not null)
        {
            throw RefusedException.Conflict("All users of this provider share the token of a file.");
        }

        if (!ExternalAuthToken.IsUsable(request.AccessToken))
        {
            throw RefusedException.Invalid(
                "access_token", $"must be printable ASCII without spaces, of 1 to {ExternalAuthToken.MaxCharacters} characters");
        }

        var extra = request.TokenExtra is { ValueKind: not JsonValueKind.Null } given ? given.GetRawText() : null;
        if (extra is not null && !ExternalAuthStore.IsExtra(extra))
        {
            throw RefusedException.Invalid(
                "token_extra", $"must be a JSON object of at most {ExternalAuthStore.MaxExtraCharacters} characters");
        }

        if (!await store.SetAsync(id, provider, new ExternalAuthToken(request.AccessToken, extra, request.ExpiresAt), cancellationToken))
        {
            throw RefusedException.NotFound("user");
        }
    }

    /// <summary>Deletes a token, even if its provider is no longer configured.</summary>
    public async Task RemoveAsync(string user, string provider, CancellationToken cancellationToken)
    {
        if (!await store.RemoveAsync(await UserIdAsync(user), UserAdministration.WithoutNul(provider), cancellationToken))
        {
            throw RefusedException.NotFound("token");
        }
    }

    private async Task<Guid> UserIdAsync(string user) =>
        (await database.ReadAsync(connection => UserAdministration.RequireAsync(connection, user))).Id;
}
