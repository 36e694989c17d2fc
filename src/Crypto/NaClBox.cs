using System.Security.Cryptography;
using Sodium;

namespace Crypto;

/// <summary>
/// A NaCl box (X25519, XSalsa20, Poly1305) between one private and one public key (derp.md §2.6), by libsodium from the package
/// Sodium.Core. Each call derives the shared key again: a DERP handshake opens one box and seals one.
/// </summary>
/// <param name="mine">This side's private X25519 key, 32 bytes. It is not copied.</param>
/// <param name="theirs">The peer's public key, 32 bytes. It is not trusted, and not copied.</param>
public sealed class NaClBox(byte[] mine, byte[] theirs)
{
    /// <summary>The length of a nonce in bytes.</summary>
    public const int NonceLength = 24;

    /// <summary>The number of bytes by which a box is longer than its message.</summary>
    public const int Overhead = 16;

    /// <summary>Seals a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="nonce">24 bytes that were never used before between these two keys.</param>
    /// <returns>The box, <see cref="Overhead"/> bytes longer than <paramref name="message"/>.</returns>
    /// <exception cref="CryptographicException">
    /// The peer's key gives no shared secret: all zeros, or another point of low order.
    /// </exception>
    public byte[] Seal(ReadOnlySpan<byte> message, ReadOnlySpan<byte> nonce) =>
        PublicKeyBox.Create(message.ToArray(), nonce.ToArray(), mine, theirs);

    /// <summary>Opens a box.</summary>
    /// <param name="box">The box.</param>
    /// <param name="nonce">24 bytes.</param>
    /// <returns>The message, or null when the box is forged, damaged or too short, or the peer's key gives no shared secret.</returns>
    public byte[]? Open(ReadOnlySpan<byte> box, ReadOnlySpan<byte> nonce)
    {
        // The package removes 16 leading zeros from a box, for messages of its old versions. It would then open a modified box, and throw
        // OverflowException for a short one. A genuine authenticator is zero only once in 2^128.
        if (box.Length < Overhead || nonce.Length != NonceLength || !box[..Overhead].ContainsAnyExcept((byte)0))
        {
            return null;
        }

        try
        {
            return PublicKeyBox.Open(box.ToArray(), nonce.ToArray(), mine, theirs);
        }
        catch (CryptographicException)
        {
            // The package reports a box that does not open by this exception only.
            return null;
        }
    }
}
