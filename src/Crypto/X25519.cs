using System.Security.Cryptography;

namespace Crypto;

/// <summary>Keys and shared secrets of X25519 (RFC 7748), 32 bytes each, by libsodium.</summary>
public static class X25519
{
    /// <summary>The length of a private key, a public key and a shared secret, in bytes.</summary>
    public const int KeyLength = 32;

    /// <summary>Makes a new random private key, clamped as in RFC 7748 §5.</summary>
    public static byte[] NewPrivateKey()
    {
        var bytes = new byte[KeyLength];
        NewPrivateKey(bytes);
        return bytes;
    }

    /// <summary>Makes a new random private key in the caller's memory.</summary>
    /// <param name="privateKey">32 bytes to fill.</param>
    /// <exception cref="ArgumentException">The span is not 32 bytes long.</exception>
    public static void NewPrivateKey(Span<byte> privateKey)
    {
        Check(privateKey, nameof(privateKey));
        RandomNumberGenerator.Fill(privateKey);
        privateKey[0] &= 248;
        privateKey[31] = (byte)((privateKey[31] & 127) | 64);
    }

    /// <summary>Computes the public key that belongs to a private one.</summary>
    /// <param name="privateKey">32 bytes.</param>
    /// <exception cref="ArgumentException">The key is not 32 bytes long.</exception>
    public static byte[] PublicKey(byte[] privateKey)
    {
        ArgumentNullException.ThrowIfNull(privateKey);
        var publicKey = new byte[KeyLength];
        PublicKey(privateKey, publicKey);
        return publicKey;
    }

    /// <summary>Writes the public key that belongs to a private one.</summary>
    /// <param name="privateKey">32 bytes.</param>
    /// <param name="publicKey">32 bytes to fill.</param>
    /// <exception cref="ArgumentException">A key is not 32 bytes long.</exception>
    public static void PublicKey(ReadOnlySpan<byte> privateKey, Span<byte> publicKey)
    {
        Check(privateKey, nameof(privateKey));
        Check(publicKey, nameof(publicKey));
        _ = Libsodium.ScalarMultBase(publicKey, privateKey);
    }

    /// <summary>Computes the shared secret of two keys (RFC 7748 §6.1).</summary>
    /// <param name="privateKey">This side's private key, 32 bytes.</param>
    /// <param name="publicKey">The peer's public key, 32 bytes. It is not trusted.</param>
    /// <param name="shared">32 bytes to fill.</param>
    /// <returns>False when the secret would be zero: the peer's key is zero, or another point of low order.</returns>
    /// <exception cref="ArgumentException">A key is not 32 bytes long.</exception>
    public static bool TryAgree(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey, Span<byte> shared)
    {
        Check(privateKey, nameof(privateKey));
        Check(publicKey, nameof(publicKey));
        Check(shared, nameof(shared));
        return Libsodium.ScalarMult(shared, privateKey, publicKey) == 0;
    }

    private static void Check(ReadOnlySpan<byte> key, string name)
    {
        if (key.Length != KeyLength)
        {
            throw new ArgumentException("A key has 32 bytes.", name);
        }
    }
}
