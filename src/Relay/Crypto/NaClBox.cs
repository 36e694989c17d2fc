using System.Security.Cryptography;
using Relay.Derp.Wire;

namespace Relay.Crypto;

/// <summary>
/// A NaCl box (X25519, XSalsa20, Poly1305) between one private and one public key, by the system's libsodium
/// (derp.md §2.6). The shared key is computed once, because it is what a box costs.
/// </summary>
public sealed class NaClBox
{
    /// <summary>Bytes of a nonce.</summary>
    public const int NonceLength = 24;

    /// <summary>Bytes that a box is longer than its message.</summary>
    public const int Overhead = 16;

    private readonly byte[] _shared;

    private NaClBox(byte[] shared) => _shared = shared;

    /// <summary>Loads libsodium, so that a server can fail at start and not at its first client.</summary>
    /// <exception cref="DllNotFoundException">libsodium is not installed; the message says how to install it.</exception>
    public static void EnsureAvailable() => Sodium.EnsureReady();

    /// <summary>Derives the key that the two share.</summary>
    /// <param name="mine">Our private key.</param>
    /// <param name="theirs">The peer's public key, which the peer chose.</param>
    /// <returns>The box, or null for a key that gives no secret: all zero, or another point of low order.</returns>
    /// <exception cref="DllNotFoundException">libsodium is not installed.</exception>
    public static NaClBox? TryCreate(NodePrivateKey mine, in NodeKey theirs)
    {
        ArgumentNullException.ThrowIfNull(mine);
        Sodium.EnsureReady();
        if (theirs.IsZero)
        {
            return null;
        }

        Span<byte> publicKey = stackalloc byte[NodeKey.Length];
        theirs.CopyTo(publicKey);
        var shared = new byte[32];
        return Sodium.BoxBefore(shared, publicKey, mine.Bytes) == 0 ? new NaClBox(shared) : null;
    }

    /// <summary>Seals a message.</summary>
    /// <param name="message">What to seal.</param>
    /// <param name="nonce">24 bytes, never used twice between the two keys.</param>
    /// <param name="box">Receives <paramref name="message"/>'s length + <see cref="Overhead"/> bytes.</param>
    public void Seal(ReadOnlySpan<byte> message, ReadOnlySpan<byte> nonce, Span<byte> box)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce.Length, NonceLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(box.Length, message.Length + Overhead);
        if (Sodium.BoxSeal(box, message, (ulong)message.Length, nonce, _shared) != 0)
        {
            throw new CryptographicException("libsodium could not seal a box.");
        }
    }

    /// <summary>Opens a box.</summary>
    /// <param name="box">The box.</param>
    /// <param name="nonce">24 bytes.</param>
    /// <param name="message">Receives the box's length - <see cref="Overhead"/> bytes.</param>
    /// <returns>False when the box is forged, damaged or too short; nothing of the message is then to be used.</returns>
    public bool TryOpen(ReadOnlySpan<byte> box, ReadOnlySpan<byte> nonce, Span<byte> message) =>
        box.Length >= Overhead
        && nonce.Length == NonceLength
        && message.Length >= box.Length - Overhead
        && Sodium.BoxOpen(message, box, (ulong)box.Length, nonce, _shared) == 0;
}
