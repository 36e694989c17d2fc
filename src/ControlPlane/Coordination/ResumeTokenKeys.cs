using System.Data.Common;
using System.Security.Cryptography;
using ControlPlane.Storage;
using Tailnet.Messages;
using Tailnet.Services;

namespace ControlPlane.Coordination;

/// <summary>
/// The stored keys of resume tokens: a restarted server, or another one on the same database, takes the same tokens. The newest key signs.
/// It is replaced when it is <see cref="ControlPlaneOptions.ResumeKeyLifetime"/> old, and kept as long as a token that it signed may be good.
/// </summary>
internal sealed class ResumeTokenKeys(Database database, ControlPlaneOptions options, TimeProvider time) : IResumeTokens
{
    private const int SecretBytes = 64;

    // Another process may go on signing with the key before for so long.
    private static readonly TimeSpan Reload = TimeSpan.FromMinutes(10);

    // A token that names a key which is not known may be of one just made elsewhere; looked for at most so often.
    private static readonly TimeSpan ReloadForUnknown = TimeSpan.FromSeconds(5);

    private volatile Loaded? _loaded;

    public async ValueTask<RefreshResumeTokenResponse> IssueAsync(Guid peer, CancellationToken cancellationToken)
    {
        var loaded = _loaded is { } recent && Age(recent) < Reload ? recent : await LoadAsync(cancellationToken);
        return await loaded.Tokens.IssueAsync(peer, cancellationToken);
    }

    public async ValueTask<(ResumeTokenStatus Status, Guid Peer)> VerifyAsync(string token, CancellationToken cancellationToken)
    {
        var loaded = _loaded ?? await LoadAsync(cancellationToken);
        var status = loaded.Tokens.Verify(token, out var peer);
        if (status == ResumeTokenStatus.Invalid && Age(loaded) >= ReloadForUnknown)
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

    /// <summary>Makes a key when there is none that may sign, drops those that no token needs, and returns the others, newest first.</summary>
    private List<ResumeTokenKey> Rotate(DbConnection connection, DateTimeOffset now)
    {
        var stored = connection.List(
            "SELECT sequence, secret, created_at FROM resume_token_keys ORDER BY sequence DESC",
            static reader => (Key: new ResumeTokenKey((int)reader.Integer("sequence"), reader.Bytes("secret")), CreatedAt: reader.Time("created_at")));
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

        // The last token of a key is as old as the key after it, or somewhat younger where that was not known yet.
        for (var i = stored.Count - 1; i > 0 && now - stored[i - 1].CreatedAt > ResumeTokens.Lifetime + Reload; i--)
        {
            connection.Execute("DELETE FROM resume_token_keys WHERE sequence = @sequence", ("@sequence", (long)stored[i].Key.Sequence));
            stored.RemoveAt(i);
        }

        return [.. stored.Select(static key => key.Key)];
    }

    private sealed record Loaded(ResumeTokens Tokens, long At);
}
