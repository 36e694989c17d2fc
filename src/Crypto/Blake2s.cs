using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Macs;
using Org.BouncyCastle.Crypto.Parameters;

namespace Crypto;

/// <summary>
/// BLAKE2s (RFC 7693), by BouncyCastle: neither libsodium nor .NET has it. Each call allocates the library's objects, which copy keys
/// to memory that is not wiped; so it is for handshakes, never for packets.
/// </summary>
public static class Blake2s
{
    /// <summary>Bytes of a whole hash, and of an HMAC.</summary>
    public const int HashLength = 32;

    /// <summary>The most bytes of a key of <see cref="Mac"/>.</summary>
    public const int MaxKeyLength = 32;

    /// <summary>Hashes two inputs as if they were one.</summary>
    /// <param name="first">The beginning; it may be the output too.</param>
    /// <param name="second">The rest; it may be empty.</param>
    /// <param name="output">1 to 32 bytes to fill; how many is a parameter of the hash.</param>
    /// <exception cref="ArgumentException">The output is empty or too long.</exception>
    public static void Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> output)
    {
        var digest = new Blake2sDigest(8 * output.Length);
        digest.BlockUpdate(first);
        digest.BlockUpdate(second);
        digest.DoFinal(output);
    }

    /// <summary>The keyed hash (RFC 7693 §2.9).</summary>
    /// <param name="key">1 to 32 bytes.</param>
    /// <param name="input">What to authenticate.</param>
    /// <param name="output">1 to 32 bytes to fill; how many is a parameter of the hash.</param>
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

    /// <summary>HMAC (RFC 2104) of two inputs as if they were one.</summary>
    /// <param name="key">The key.</param>
    /// <param name="first">The beginning.</param>
    /// <param name="second">The rest; it may be empty.</param>
    /// <param name="output">32 bytes to fill; it may be the key or an input.</param>
    public static void Hmac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> output)
    {
        var hmac = new HMac(new Blake2sDigest(8 * HashLength));
        hmac.Init(new KeyParameter(key));
        hmac.BlockUpdate(first);
        hmac.BlockUpdate(second);
        hmac.DoFinal(output[..HashLength]);
    }
}
