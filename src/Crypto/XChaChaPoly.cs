namespace Crypto;

/// <summary>
/// XChaCha20-Poly1305 with a nonce of 192 bits (draft-irtf-cfrg-xchacha-03), by libsodium.
/// Output may start at the same byte as input, so that a packet is encrypted and decrypted in place. No call allocates.
/// </summary>
public static class XChaChaPoly
{
    /// <summary>The length of a key in bytes.</summary>
    public const int KeyLength = Aead.KeyLength;

    /// <summary>The length of a nonce in bytes.</summary>
    public const int NonceLength = 24;

    /// <summary>The length of the tag, by which a sealed message is longer than its plain text, in bytes.</summary>
    public const int TagLength = Aead.TagLength;

    /// <summary>Encrypts and authenticates a message.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="nonce">24 bytes, never used twice with the key.</param>
    /// <param name="data">Additional data, which is authenticated and not encrypted.</param>
    /// <param name="message">The plain text.</param>
    /// <param name="output">Exactly <see cref="TagLength"/> bytes more than the message.</param>
    /// <exception cref="ArgumentException">A length is wrong, or input and output overlap without the same start.</exception>
    public static void Seal(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> data, ReadOnlySpan<byte> message, Span<byte> output)
    {
        Aead.Check(key, nonce, NonceLength, message, output);
        _ = Libsodium.XChaChaPolyEncrypt(output, out _, message, (ulong)message.Length, data, (ulong)data.Length, 0, nonce, key);
    }

    /// <summary>Authenticates and decrypts a message.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="nonce">24 bytes.</param>
    /// <param name="data">The additional data that was authenticated.</param>
    /// <param name="message">The sealed message, at least <see cref="TagLength"/> bytes.</param>
    /// <param name="output"><see cref="TagLength"/> bytes less than the message. It is zeroed if the message is not authentic.</param>
    /// <returns>False for a message that is not authentic.</returns>
    /// <exception cref="ArgumentException">A length is wrong, or input and output overlap without the same start.</exception>
    public static bool TryOpen(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> data, ReadOnlySpan<byte> message, Span<byte> output)
    {
        Aead.Check(key, nonce, NonceLength, output, message);
        return Libsodium.XChaChaPolyDecrypt(
            output, out _, 0, message, (ulong)message.Length, data, (ulong)data.Length, nonce, key) == 0;
    }
}
