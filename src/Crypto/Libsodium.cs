using System.Runtime.InteropServices;

namespace Crypto;

/// <summary>The functions of libsodium, with spans. The package Sodium.Core offers only arrays, and allocates its results.</summary>
internal static partial class Libsodium
{
    private const string Library = "libsodium";

    // Without sodium_init, the library uses its slowest implementation.
    static Libsodium()
    {
        if (Initialize() < 0)
        {
            throw new DllNotFoundException("libsodium does not initialize.");
        }
    }

    [LibraryImport(Library, EntryPoint = "crypto_scalarmult")]
    internal static partial int ScalarMult(Span<byte> shared, ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey);

    [LibraryImport(Library, EntryPoint = "crypto_scalarmult_base")]
    internal static partial int ScalarMultBase(Span<byte> publicKey, ReadOnlySpan<byte> privateKey);

    [LibraryImport(Library, EntryPoint = "crypto_aead_chacha20poly1305_ietf_encrypt")]
    internal static partial int ChaChaPolyEncrypt(
        Span<byte> output,
        out ulong outputLength,
        ReadOnlySpan<byte> message,
        ulong messageLength,
        ReadOnlySpan<byte> data,
        ulong dataLength,
        nint unused,
        ReadOnlySpan<byte> nonce,
        ReadOnlySpan<byte> key);

    [LibraryImport(Library, EntryPoint = "crypto_aead_chacha20poly1305_ietf_decrypt")]
    internal static partial int ChaChaPolyDecrypt(
        Span<byte> output,
        out ulong outputLength,
        nint unused,
        ReadOnlySpan<byte> sealedMessage,
        ulong sealedLength,
        ReadOnlySpan<byte> data,
        ulong dataLength,
        ReadOnlySpan<byte> nonce,
        ReadOnlySpan<byte> key);

    [LibraryImport(Library, EntryPoint = "crypto_aead_xchacha20poly1305_ietf_encrypt")]
    internal static partial int XChaChaPolyEncrypt(
        Span<byte> output,
        out ulong outputLength,
        ReadOnlySpan<byte> message,
        ulong messageLength,
        ReadOnlySpan<byte> data,
        ulong dataLength,
        nint unused,
        ReadOnlySpan<byte> nonce,
        ReadOnlySpan<byte> key);

    [LibraryImport(Library, EntryPoint = "crypto_aead_xchacha20poly1305_ietf_decrypt")]
    internal static partial int XChaChaPolyDecrypt(
        Span<byte> output,
        out ulong outputLength,
        nint unused,
        ReadOnlySpan<byte> sealedMessage,
        ulong sealedLength,
        ReadOnlySpan<byte> data,
        ulong dataLength,
        ReadOnlySpan<byte> nonce,
        ReadOnlySpan<byte> key);

    [LibraryImport(Library, EntryPoint = "sodium_init")]
    private static partial int Initialize();
}
