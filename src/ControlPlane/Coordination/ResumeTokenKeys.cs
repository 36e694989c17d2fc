using System.Security.Cryptography;
using ControlPlane.Storage;
using Tailnet.Services;

namespace ControlPlane.Coordination;

/// <summary>The stored keys that sign resume tokens: a restarted server, or another one on the same database, takes the same tokens.</summary>
internal sealed class ResumeTokenKeys(Database database, TimeProvider time)
{
    private const int SecretBytes = 64;
    private volatile ResumeTokens? _tokens;

    /// <summary>The tokens under the stored keys; the first call ever makes a key.</summary>
    public async ValueTask<ResumeTokens> GetAsync(CancellationToken cancellationToken) => _tokens ??= await LoadAsync(cancellationToken);

    private async Task<ResumeTokens> LoadAsync(CancellationToken cancellationToken)
    {
        var keys = await database.WriteAsync(
            connection =>
            {
                // Two processes may both get here; the first one's key stays.
                connection.Execute(
                    "INSERT INTO resume_token_keys (sequence, secret, created_at) VALUES (1, $secret, $now) ON CONFLICT DO NOTHING",
                    ("$secret", RandomNumberGenerator.GetBytes(SecretBytes)),
                    ("$now", time.GetUtcNow()));
                return connection.List(
                    "SELECT sequence, secret FROM resume_token_keys ORDER BY sequence DESC",
                    static reader => new ResumeTokenKey((int)reader.Integer("sequence"), reader.Bytes("secret")));
            },
            cancellationToken);
        return new ResumeTokens(keys, time);
    }
}
