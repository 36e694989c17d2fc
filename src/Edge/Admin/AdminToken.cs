using System.Security.Cryptography;
using System.Text;
using Edge.Settings;

namespace Edge.Admin;

/// <summary>The admin listener's token. It is made at the first start; only its SHA-256 hash is stored.</summary>
internal sealed class AdminToken
{
    private readonly byte[] _hash;

    private AdminToken(byte[] hash, bool replaced) => (_hash, Replaced) = (hash, replaced);

    /// <summary>Whether the token is new because the file had no valid hash.</summary>
    public bool Replaced { get; }

    /// <summary>Reads the token's hash from the data directory, or makes a token and writes it to <c>bootstrap.json</c>.</summary>
    /// <exception cref="SettingsException">The file cannot be read or written.</exception>
    public static async Task<AdminToken> OpenAsync(DataDirectory data, Bootstrap bootstrap, CancellationToken cancellation)
    {
        var text = await ReadAsync(data, cancellation);
        if (text is not null && text.Length == 2 * SHA256.HashSizeInBytes && text.All(char.IsAsciiHexDigit))
        {
            return new AdminToken(Convert.FromHexString(text), replaced: false);
        }

        var token = RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 32);
        var made = new AdminToken(Hash(token), replaced: text is not null);

        // The token is written before its hash: after a crash between the two, the next start replaces it. No token can get lost.
        await bootstrap.AddAdminTokenAsync(token, cancellation);
        var hash = Encoding.ASCII.GetBytes(Convert.ToHexStringLower(made._hash) + "\n");
        await data.WriteAsync(DataDirectory.AdminTokenFile, hash, cancellation);
        return made;
    }

    /// <summary>Whether <paramref name="candidate"/> is the token. The comparison takes constant time.</summary>
    public bool Matches(string candidate) => CryptographicOperations.FixedTimeEquals(Hash(candidate), _hash);

    /// <summary>Returns null when the file does not exist.</summary>
    private static async Task<string?> ReadAsync(DataDirectory data, CancellationToken cancellation)
    {
        try
        {
            return (await File.ReadAllTextAsync(data.File(DataDirectory.AdminTokenFile), cancellation)).Trim();
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw data.Unusable(DataDirectory.AdminTokenFile, "read", error);
        }
    }

    private static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
