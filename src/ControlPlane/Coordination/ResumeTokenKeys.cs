using System.Data.Common;
using System.Security.Cryptography;
using ControlPlane.Storage;
using Tailnet.Messages;
using Tailnet.Services;

namespace ControlPlane.Coordination;

/// <summary>
/// The signing keys of resume tokens. They are in the database, so a restarted server, or another one on the same database, accepts the
/// same tokens. The newest key signs. A key is rotated after <see cref="ControlPlaneOptions.ResumeKeyLifetime"/>, and deleted when the last
/// token that it signed has expired.
/// </summary>
internal sealed class ResumeTokenKeys(Database database, ControlPlaneOptions options, TimeProvider time) : IResumeTokens
{
    private const int SecretBytes = 64;

    // The keys are reloaded at this interval, so another process may sign with the previous key for this long after a rotation.
    private static readonly TimeSpan ReloadInterval = TimeSpan.FromMinutes(10);

    // A token with an unknown key may be signed with a key that another process has just created. The limit bounds the database reads.
    private static readonly TimeSpan UnknownKeyReloadInterval = TimeSpan.FromSeconds(5);

    private volatile Loaded? _loaded;

    public async ValueTask<RefreshResumeTokenResponse> IssueAsync(Guid peer, CancellationToken cancellationToken)
    {
        var loaded = _loaded is { } recent && Age(recent) < ReloadInterval ? recent : await LoadAsync(cancellationToken);
        return await loaded.Tokens.IssueAsync(peer, cancellationToken);
    }

    public async ValueTask<(ResumeTokenStatus Status, Guid Peer)> VerifyAsync(string token, CancellationToken cancellationToken)
    {
        var loaded = _loaded ?? await LoadAsync(cancellationToken);
        var status = loaded.Tokens.Verify(token, out var peer);
        if (status == ResumeTokenStatus.Invalid && Age(loaded) >= UnknownKeyReloadInterval)
        {
            status = (await LoadAsync(cancellationToken)).Tokens.Verify(token, out peer);
        }

        return (status, peer);
    }

    private TimeSpan Age(Loaded loaded) => time.GetElapsedTime(loaded.At);

    private async Task<Loaded> LoadAsync(CancellationToken cancellationToken)
    {
        var at = time.GetTimestamp();
        var now = time.GetUtcNow();
        var keys = await database.WriteAsync(connection => Rotate(connection, now), cancellationToken);
        return _loaded = new Loaded(new ResumeTokens(keys, time), at);
    }

    /// <summary>
    /// Creates a key if none may sign, deletes those whose tokens have all expired, and returns the others, newest first.
    /// </summary>
    private List<ResumeTokenKey> Rotate(DbConnection connection, DateTimeOffset now)
    {
        var stored = connection.List(
            "SELECT sequence, secret, created_at FROM resume_token_keys ORDER BY sequence DESC",
            static reader => (
                Key: new ResumeTokenKey((int)reader.Integer("sequence"), reader.Bytes("secret")),
                CreatedAt: reader.Time("created_at")));
        if (stored.Count == 0 || now - stored[0].CreatedAt >= options.ResumeKeyLifetime)
        {
            var made = new ResumeTokenKey(stored.Count == 0 ? 1 : stored[0].Key.Sequence + 1, RandomNumberGenerator.GetBytes(SecretBytes));
            connection.Execute(
                "INSERT INTO resume_token_keys (sequence, secret, created_at) VALUES (@sequence, @secret, @now)",
                ("@sequence", (long)made.Sequence),
                ("@secret", made.Secret),
                ("@now", now));
            stored.Insert(0, (made, now));
        }

        // A key signs until its successor is created, and for the reload interval after that in another process.
        for (var i = stored.Count - 1; i > 0 && now - stored[i - 1].CreatedAt > ResumeTokens.Lifetime + ReloadInterval; i--)
        {
            connection.Execute("DELETE FROM resume_token_keys WHERE sequence = @sequence", ("@sequence", (long)stored[i].Key.Sequence));
            stored.RemoveAt(i);
        }

        return [.. stored.Select(static key => key.Key)];
    }

    private sealed record Loaded(ResumeTokens Tokens, long At);
}
