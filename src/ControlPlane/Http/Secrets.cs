using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Http;

/// <summary>
/// Generates tokens, and the hashes that the database stores. The tokens are random enough that a hash without a salt is safe.
/// </summary>
internal static class Secrets
{
    private const string Alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    public static string NewText(int length) => RandomNumberGenerator.GetString(Alphanumeric, length);

    /// <summary>A version 4 UUID (RFC 9562 §5.4). A cryptographic generator fills all its random bits.</summary>
    public static Guid NewUuid()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    public static byte[] Hash(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    public static byte[] Hash(Guid token) => SHA256.HashData(token.ToByteArray(bigEndian: true));
}
