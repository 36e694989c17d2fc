using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Http;

/// <summary>Makes tokens and the hashes under which they are stored. They carry enough randomness for a plain hash.</summary>
internal static class Secrets
{
    private const string Alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    public static string NewText(int length) => RandomNumberGenerator.GetString(Alphanumeric, length);

    /// <summary>A version 4 UUID, all of whose free bits come from the cryptographic generator.</summary>
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
