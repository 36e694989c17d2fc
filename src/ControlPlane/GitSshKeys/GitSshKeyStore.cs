using System.Data.Common;
using ControlPlane.Storage;

namespace ControlPlane.GitSshKeys;

/// <summary>Stores the users' SSH keys for git. A user's key is created at its first use.</summary>
internal sealed class GitSshKeyStore(Database database, TimeProvider time)
{
    private const string Select = "SELECT public_key, private_key FROM git_ssh_keys WHERE user_id = @user";

    public async Task<GitSshKey> GetAsync(Guid userId, CancellationToken cancellationToken)
    {
        if (await database.ReadAsync(connection => connection.FirstAsync(Select, Read, ("@user", userId))) is { } stored)
        {
            return stored;
        }

        // Concurrent first requests may each create a key; the key that is stored first counts.
        var created = GitSshKey.Create();
        return await database.WriteAsync(
            connection =>
            {
                connection.Execute(
                    """
                    INSERT INTO git_ssh_keys (user_id, public_key, private_key, created_at) VALUES (@user, @public, @private, @now)
                    ON CONFLICT DO NOTHING
                    """,
                    ("@user", userId),
                    ("@public", created.PublicKey),
                    ("@private", created.PrivateKey),
                    ("@now", time.GetUtcNow()));
                return connection.First(Select, Read, ("@user", userId))!;
            },
            cancellationToken);
    }

    private static GitSshKey Read(DbDataReader reader) => new(reader.Text("public_key"), reader.Text("private_key"));
}
