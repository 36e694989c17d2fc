using System.Security.Cryptography;
using Sodium;

namespace Crypto;

/// <summary>Keys of X25519 (RFC 7748), as 32 bytes.</summary>
public static class X25519
{
    /// <summary>Bytes of a private or public key.</summary>
    public const int KeyLength = 32;

    /// <summary>Makes a new random private key, clamped as in RFC 7748 §5.</summary>
    public static byte[] NewPrivateKey()
    {
        var bytes = RandomNumberGenerator.GetBytes(KeyLength);
        bytes[0] &= 248;
        bytes[31] = (byte)((bytes[31] & 127) | 64);
        return bytes;
    }

    /// <summary>The public key that belongs to a private one.</summary>
    /// <param name="privateKey">32 bytes.</param>
    /// <exception cref="ArgumentException">The key is not 32 bytes long.</exception>
    public static byte[] PublicKey(byte[] privateKey)
    {
        ArgumentNullException.ThrowIfNull(privateKey);
        return privateKey.Length == KeyLength ? ScalarMult.Base(privateKey) : throw new ArgumentException("A private key has 32 bytes.", nameof(privateKey));
    }
}
