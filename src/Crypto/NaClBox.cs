using System.Security.Cryptography;
using Sodium;

namespace Crypto;

/// <summary>
/// A NaCl box (X25519, XSalsa20, Poly1305) between one private and one public key (derp.md §2.6), by the libsodium that the package
/// Sodium.Core brings. Each call derives the shared key again: a DERP handshake needs one box to open and one to seal.
/// </summary>
/// <param name="mine">Our private key of X25519, 32 bytes; kept, not copied.</param>
/// <param name="theirs">The peer's public key, 32 bytes that the peer chose; kept, not copied.</param>
public sealed class NaClBox(byte[] mine, byte[] theirs)
{
    /// <summary>Bytes of a nonce.</summary>
    public const int NonceLength = 24;

    /// <summary>Bytes that a box is longer than its message.</summary>
    public const int Overhead = 16;

    /// <summary>Seals a message.</summary>
    /// <param name="message">What to seal.</param>
    /// <param name="nonce">24 bytes, never used twice between the two keys.</param>
    /// <returns>The box, <see cref="Overhead"/> bytes longer than <paramref name="message"/>.</returns>
    /// <exception cref="CryptographicException">The peer's key gives no secret: all zero, or another point of low order.</exception>
    public byte[] Seal(ReadOnlySpan<byte> message, ReadOnlySpan<byte> nonce) =>
        PublicKeyBox.Create(message.ToArray(), nonce.ToArray(), mine, theirs);

    /// <summary>Opens a box.</summary>
    /// <param name="box">The box.</param>
    /// <param name="nonce">24 bytes.</param>
    /// <returns>The message, or null when the box is forged, damaged or too short, or the peer's key gives no secret.</returns>
    public byte[]? Open(ReadOnlySpan<byte> box, ReadOnlySpan<byte> nonce)
    {
        // The package cuts 16 zeros off a box's front, for messages of old versions: it would open a box that was changed, and throw
        // OverflowException for a short one. No authenticator is zero but one in 2^128.
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
            // The package has no other way to say that a box does not open.
            return null;
        }
    }
}
