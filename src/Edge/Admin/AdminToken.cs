using System.Security.Cryptography;
using System.Text;
using Edge.Settings;

namespace Edge.Admin;

/// <summary>The admin listener's token: made at the first start, kept only as its SHA-256.</summary>
internal sealed class AdminToken
{
    private readonly byte[] _hash;

    private AdminToken(byte[] hash, bool replaced) => (_hash, Replaced) = (hash, replaced);

    /// <summary>Whether it was made because the file held something else than a token's hash.</summary>
    public bool Replaced { get; }

    /// <summary>Reads the token's hash from the data directory; makes a token, and publishes it, when there is none.</summary>
    /// <exception cref="SettingsException">The file cannot be read or made.</exception>
    public static async Task<AdminToken> OpenAsync(DataDirectory data, Bootstrap bootstrap, CancellationToken cancellation)
    {
        var text = await ReadAsync(data, cancellation);
        if (text is not null && text.Length == 2 * SHA256.HashSizeInBytes && text.All(char.IsAsciiHexDigit))
        {
            return new AdminToken(Convert.FromHexString(text), replaced: false);
        }

        var token = RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 32);
        var made = new AdminToken(Hash(token), replaced: text is not null);

        // Published first: a crash between the two leaves a token that the next start replaces, never one that nobody knows.
        await bootstrap.AddAdminTokenAsync(token, cancellation);
        await data.WriteAsync(DataDirectory.AdminTokenFile, Encoding.ASCII.GetBytes(Convert.ToHexStringLower(made._hash) + "\n"), cancellation);
        return made;
    }

    /// <summary>Whether <paramref name="candidate"/> is the token; the time it takes tells nothing of where they differ.</summary>
    public bool Matches(string candidate) => CryptographicOperations.FixedTimeEquals(Hash(candidate), _hash);

    /// <summary>Null when there is no file.</summary>
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
