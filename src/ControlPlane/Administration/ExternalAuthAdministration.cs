using System.Text.Json;
using ControlPlane.ExternalAuth;
using ControlPlane.Storage;

namespace ControlPlane.Administration;

/// <summary>The body that stores a user's token for another service.</summary>
internal sealed class SetExternalAuth
{
    /// <summary>The token: 1 to 16,384 characters of printable ASCII without spaces.</summary>
    public string AccessToken { get; set; } = "";

    /// <summary>What the service sent with the token, a JSON object; null if nothing.</summary>
    public JsonElement? TokenExtra { get; set; }

    /// <summary>From when on the token counts as not there; null: never.</summary>
    public DateTimeOffset? ExpiresAt { get; set; }
}

/// <summary>A configured service.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Type">What kind it is.</param>
/// <param name="DisplayName">What people call it.</param>
/// <param name="Pattern">The expression that addresses of it match; null: it is found by id alone.</param>
/// <param name="LinkUrl">Where a user without a token is sent.</param>
/// <param name="Shared">Whether all users have one token, from a file.</param>
internal sealed record ProviderRow(string Id, string Type, string DisplayName, string? Pattern, Uri? LinkUrl, bool Shared);

/// <summary>The configured services.</summary>
/// <param name="Providers">All of them, in the order of the configuration.</param>
internal sealed record ProviderList(IReadOnlyList<ProviderRow> Providers);

/// <summary>For which services a user has a token.</summary>
/// <param name="Links">One for each service.</param>
internal sealed record LinkList(IReadOnlyList<ExternalAuthLink> Links);

/// <summary>Users' tokens for other services: which there are, never what they are.</summary>
internal sealed class ExternalAuthAdministration(Database database, ExternalAuthProviders providers, ExternalAuthStore store)
{
    public ProviderList Providers() => new([.. providers.All.Select(static provider => new ProviderRow(
        provider.Id, provider.Type, provider.DisplayName, provider.Pattern?.ToString(), provider.LinkUrl, provider.TokenFile is not null))]);

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
            throw RefusedException.Conflict("All users of this provider have the token of a file.");
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

    /// <summary>Also for a provider that is configured no more.</summary>
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
