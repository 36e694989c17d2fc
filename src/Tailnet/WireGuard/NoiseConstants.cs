using Crypto;

namespace Tailnet.WireGuard;

/// <summary>The constants of the handshake (wireguard.md §1).</summary>
internal static class NoiseConstants
{
    private static readonly byte[] ChainKey = HashOf("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"u8, default);
    private static readonly byte[] Hash = HashOf(ChainKey, "WireGuard v1 zx2c4 Jason@zx2c4.com"u8);

    public static ReadOnlySpan<byte> InitialChainKey => ChainKey;

    public static ReadOnlySpan<byte> InitialHash => Hash;

    /// <summary>The label in the key of the first MAC (mac1).</summary>
    public static ReadOnlySpan<byte> MacLabel => "mac1----"u8;

    /// <summary>The label in the key that encrypts cookies.</summary>
    public static ReadOnlySpan<byte> CookieLabel => "cookie--"u8;

    /// <summary>The pre-shared key: 32 zero bytes, as tailnets use none.</summary>
    public static ReadOnlySpan<byte> PresharedKey => [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    public static byte[] HashOf(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        var hash = new byte[Blake2s.HashLength];
        Blake2s.Hash(first, second, hash);
        return hash;
    }
}
