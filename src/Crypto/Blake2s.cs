using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Macs;
using Org.BouncyCastle.Crypto.Parameters;

namespace Crypto;

/// <summary>
/// BLAKE2s (RFC 7693), by BouncyCastle: neither libsodium nor .NET has it. Each call allocates the library's objects, which copy keys
/// to memory that is not wiped. So it is for handshakes, never for packets.
/// </summary>
public static class Blake2s
{
    /// <summary>The length of a full hash and of an HMAC, in bytes.</summary>
    public const int HashLength = 32;

    /// <summary>The maximum length of a key of <see cref="Mac"/>, in bytes.</summary>
    public const int MaxKeyLength = 32;

    /// <summary>Hashes the concatenation of two inputs.</summary>
    /// <param name="first">The first input. Its memory may be the output too.</param>
    /// <param name="second">The second input; it may be empty.</param>
    /// <param name="output">1 to 32 bytes to fill. The length is a parameter of the hash, which depends on it.</param>
    /// <exception cref="ArgumentException">The output is empty or too long.</exception>
    public static void Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> output)
    {
        var digest = new Blake2sDigest(8 * output.Length);
        digest.BlockUpdate(first);
        digest.BlockUpdate(second);
        digest.DoFinal(output);
    }

    /// <summary>Computes the keyed hash (RFC 7693 §2.9).</summary>
    /// <param name="key">1 to 32 bytes.</param>
    /// <param name="input">The data to authenticate.</param>
    /// <param name="output">1 to 32 bytes to fill. The length is a parameter of the hash, which depends on it.</param>
    /// <exception cref="ArgumentException">The key or the output is empty or too long.</exception>
    public static void Mac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> input, Span<byte> output)
    {
        if (key.Length is 0 or > MaxKeyLength)
        {
            throw new ArgumentException("A key has 1 to 32 bytes.", nameof(key));
        }

        var digest = new Blake2sDigest(key.ToArray(), output.Length, null, null);
        digest.BlockUpdate(input);
        digest.DoFinal(output);
        digest.ClearKey();
    }

    /// <summary>Computes the HMAC (RFC 2104) of the concatenation of two inputs.</summary>
    /// <param name="key">The key.</param>
    /// <param name="first">The first input.</param>
    /// <param name="second">The second input; it may be empty.</param>
    /// <param name="output">32 bytes to fill. The memory may be that of the key or an input.</param>
    public static void Hmac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> output)
    {
        var hmac = new HMac(new Blake2sDigest(8 * HashLength));
        hmac.Init(new KeyParameter(key));
        hmac.BlockUpdate(first);
        hmac.BlockUpdate(second);
        hmac.DoFinal(output[..HashLength]);
    }
}
