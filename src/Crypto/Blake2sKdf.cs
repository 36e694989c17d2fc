using System.Security.Cryptography;

namespace Crypto;

/// <summary>
/// HKDF (RFC 5869) over HMAC-BLAKE2s with an empty <c>info</c>, as Noise and WireGuard use it: one, two or three keys of 32 bytes.
/// The memory of an output may be that of the key or the input.
/// </summary>
public static class Blake2sKdf
{
    private const int Length = Blake2s.HashLength;

    /// <summary>WireGuard's KDF1.</summary>
    /// <param name="key">The chaining key, which is the salt of HKDF.</param>
    /// <param name="input">The input key material.</param>
    /// <param name="first">32 bytes to fill.</param>
    public static void Derive(ReadOnlySpan<byte> key, ReadOnlySpan<byte> input, Span<byte> first) =>
        Derive(key, input, first, default, default);

    /// <summary>WireGuard's KDF2.</summary>
    /// <param name="key">The chaining key, which is the salt of HKDF.</param>
    /// <param name="input">The input key material.</param>
    /// <param name="first">32 bytes to fill.</param>
    /// <param name="second">32 bytes to fill.</param>
    public static void Derive(ReadOnlySpan<byte> key, ReadOnlySpan<byte> input, Span<byte> first, Span<byte> second) =>
        Derive(key, input, first, second, default);

    /// <summary>WireGuard's KDF3. An output that is empty is not derived.</summary>
    /// <param name="key">The chaining key, which is the salt of HKDF.</param>
    /// <param name="input">The input key material.</param>
    /// <param name="first">32 bytes to fill.</param>
    /// <param name="second">32 bytes to fill, or none.</param>
    /// <param name="third">32 bytes to fill, or none.</param>
    public static void Derive(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> input, Span<byte> first, Span<byte> second, Span<byte> third)
    {
        Span<byte> extracted = stackalloc byte[Length];
        Blake2s.Hmac(key, input, default, extracted);
        Blake2s.Hmac(extracted, [1], default, first);
        if (!second.IsEmpty)
        {
            Blake2s.Hmac(extracted, first[..Length], [2], second);
        }

        if (!third.IsEmpty)
        {
            Blake2s.Hmac(extracted, second[..Length], [3], third);
        }

        CryptographicOperations.ZeroMemory(extracted);
    }
}
