using System.Security.Cryptography;
using System.Text;
using Edge.Hosting;

namespace Edge.Admin;

/// <summary>The admin listener's token: made at the first start, kept only as its SHA-256.</summary>
internal sealed class AdminToken
{
    private readonly byte[] _hash;

    private AdminToken(byte[] hash) => _hash = hash;

    /// <summary>Reads the token's hash from the data directory; makes a token, and publishes it, when there is none.</summary>
    public static async Task<AdminToken> OpenAsync(DataDirectory data, Bootstrap bootstrap, CancellationToken cancellation)
    {
        if (File.Exists(data.File(DataDirectory.AdminTokenFile)))
        {
            var text = (await File.ReadAllTextAsync(data.File(DataDirectory.AdminTokenFile), cancellation)).Trim();
            if (text.Length == 2 * SHA256.HashSizeInBytes && text.All(char.IsAsciiHexDigit))
            {
                return new AdminToken(Convert.FromHexString(text));
            }
        }

        var token = RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 32);
        var made = new AdminToken(Hash(token));

        // Published first: a crash between the two leaves a token that the next start replaces, never one that nobody knows.
        await bootstrap.AddAdminTokenAsync(token, cancellation);
        await data.WriteAsync(DataDirectory.AdminTokenFile, Encoding.ASCII.GetBytes(Convert.ToHexStringLower(made._hash) + "\n"), cancellation);
        return made;
    }

    /// <summary>Whether <paramref name="candidate"/> is the token; the time it takes tells nothing of where they differ.</summary>
    public bool Matches(string candidate) => CryptographicOperations.FixedTimeEquals(Hash(candidate), _hash);

    private static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
