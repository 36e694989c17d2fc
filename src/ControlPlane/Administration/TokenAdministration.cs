using System.Data.Common;
using ControlPlane.Access;
using ControlPlane.Http;
using ControlPlane.Storage;
using ControlPlane.Users;

namespace ControlPlane.Administration;

/// <summary>Creates, rotates and deletes users' session tokens. Only hashes of their secrets are stored.</summary>
internal sealed class TokenAdministration(Database database, AccessSignals access, TimeProvider time)
{
    private const long MaxLifetimeSeconds = 10L * 366 * 24 * 3600;

    public ValueTask<TokenList> ListAsync(string user, Page page) => database.ReadAsync(async connection =>
    {
        var id = (await UserAdministration.RequireAsync(connection, user)).Id;
        return new TokenList(
            await connection.ListAsync(
                "SELECT * FROM api_keys WHERE user_id = @user ORDER BY created_at, id LIMIT @limit OFFSET @offset",
                static reader => new TokenRow(
                    reader.Text("id"), reader.Time("created_at"), reader.Time("last_used_at"), reader.TimeOrNull("expires_at")),
                ("@user", id),
                ("@limit", page.Limit),
                ("@offset", page.Offset)),
            await connection.CountAsync("SELECT count(*) FROM api_keys WHERE user_id = @user", ("@user", id)));
    });

    public Task<NewToken> CreateAsync(string user, CreateToken request, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var expires = request.LifetimeSeconds is { } seconds
            ? now.AddSeconds(Checks.Between("lifetime_seconds", seconds, 1, MaxLifetimeSeconds))
            : (DateTimeOffset?)null;
        return database.WriteAsync(
            connection =>
            {
                var owner = UserAdministration.Require(connection, user).Id;
                var (id, secret) = (Secrets.NewText(UserAuthentication.IdLength), Secrets.NewText(UserAuthentication.SecretLength));
                connection.Execute(
                    """
                    INSERT INTO api_keys (id, hashed_secret, user_id, created_at, last_used_at, expires_at)
                    VALUES (@id, @hash, @user, @now, @now, @expires)
                    """,
                    ("@id", id),
                    ("@hash", Secrets.Hash(secret)),
                    ("@user", owner),
                    ("@now", now),
                    ("@expires", expires));
                return new NewToken(id, $"{id}-{secret}", Require(connection, user, id).ExpiresAt);
            },
            cancellationToken);
    }

    /// <summary>Replaces the token's secret. The id and the expiry stay the same; the old secret is no longer valid.</summary>
    public async Task<NewToken> RotateAsync(string user, string tokenId, CancellationToken cancellationToken)
    {
        var rotated = await database.WriteAsync(
            connection =>
            {
                var old = Require(connection, user, tokenId);
                var secret = Secrets.NewText(UserAuthentication.SecretLength);
                connection.Execute(
                    "UPDATE api_keys SET hashed_secret = @hash WHERE id = @id", ("@hash", Secrets.Hash(secret)), ("@id", old.Id));
                return new NewToken(old.Id, $"{old.Id}-{secret}", old.ExpiresAt);
            },
            cancellationToken);
        access.Changed();
        return rotated;
    }

    public async Task DeleteAsync(string user, string tokenId, CancellationToken cancellationToken)
    {
        await database.WriteAsync(
            connection => connection.Execute(
                "DELETE FROM api_keys WHERE id = @id", ("@id", Require(connection, user, tokenId).Id)),
            cancellationToken);
        access.Changed();
    }

    private static ApiKey Require(DbConnection connection, string user, string tokenId) => connection.First(
        "SELECT * FROM api_keys WHERE id = @id AND user_id = @user",
        static reader => new ApiKey(
            reader.Text("id"),
            reader.Bytes("hashed_secret"),
            reader.Uuid("user_id"),
            reader.Time("last_used_at"),
            reader.TimeOrNull("expires_at")),
        ("@id", UserAdministration.WithoutNul(tokenId)),
        ("@user", UserAdministration.Require(connection, user).Id)) ?? throw RefusedException.NotFound("token");
}
