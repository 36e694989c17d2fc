using System.Data.Common;
using ControlPlane.Access;
using ControlPlane.Storage;

namespace ControlPlane.Users;

/// <summary>Reads users, their API keys and roles from the database.</summary>
internal sealed class UserStore(Database database, AccessSignals access, TimeProvider time)
{
    private readonly ReadThroughCache<string, OwnedKey> _keys = new(database, time, ReadOwnedAsync, () => access.Version);

    /// <summary>
    /// The API key with this id. If another process withdraws a key and its notice is lost, the key may be found for
    /// <see cref="ReadThroughCache{TKey, TValue}.MaxAge"/> more.
    /// </summary>
    public ValueTask<OwnedKey?> FindKeyAsync(string keyId) => _keys.GetAsync(keyId);

    public ValueTask<(List<Guid> Organizations, List<string> Roles)> MembershipsAsync(Guid userId) =>
        database.ReadAsync(async connection => (
            await connection.ListAsync(
                "SELECT organization_id FROM organization_members WHERE user_id = @user ORDER BY created_at, organization_id",
                static reader => reader.Uuid("organization_id"),
                ("@user", userId)),
            await connection.ListAsync(
                "SELECT role FROM user_roles WHERE user_id = @user ORDER BY role",
                static reader => reader.Text("role"),
                ("@user", userId))));

    public async Task MarkUsedAsync(ApiKey key, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await database.WriteAsync(
            connection =>
            {
                connection.Execute("UPDATE api_keys SET last_used_at = @now WHERE id = @id", ("@now", now), ("@id", key.Id));
                return connection.Execute("UPDATE users SET last_seen_at = @now WHERE id = @id", ("@now", now), ("@id", key.UserId));
            },
            cancellationToken);
        _keys.Remove(key.Id);
    }

    private static async ValueTask<OwnedKey?> ReadOwnedAsync(DbConnection connection, string keyId)
    {
        var key = await connection.FirstAsync("SELECT * FROM api_keys WHERE id = @id", ReadKey, ("@id", keyId));
        if (key is null)
        {
            return null;
        }

        var owner = await connection.FirstAsync("SELECT * FROM users WHERE id = @id", ReadUser, ("@id", key.UserId));
        return owner is null ? null : new OwnedKey(key, owner);
    }

    private static ApiKey ReadKey(DbDataReader reader) => new(
        reader.Text("id"),
        reader.Bytes("hashed_secret"),
        reader.Uuid("user_id"),
        reader.Time("last_used_at"),
        reader.TimeOrNull("expires_at"));

    private static User ReadUser(DbDataReader reader) => new(
        reader.Uuid("id"),
        reader.Text("username"),
        reader.Text("name"),
        reader.Text("email"),
        reader.Time("created_at"),
        reader.Time("updated_at"),
        reader.Time("last_seen_at"),
        reader.Text("status"),
        reader.Text("login_type"));
}

/// <summary>An API key and its user.</summary>
internal sealed record OwnedKey(ApiKey Key, User Owner);
