using Crypto;

namespace Tailnet.WireGuard;

/// <summary>What every handshake begins with (wireguard.md §1).</summary>
internal static class NoiseConstants
{
    private static readonly byte[] ChainKey = HashOf("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"u8, default);
    private static readonly byte[] Hash = HashOf(ChainKey, "WireGuard v1 zx2c4 Jason@zx2c4.com"u8);

    public static ReadOnlySpan<byte> InitialChainKey => ChainKey;

    public static ReadOnlySpan<byte> InitialHash => Hash;

    /// <summary>The label of the key of first MACs.</summary>
    public static ReadOnlySpan<byte> MacLabel => "mac1----"u8;

    /// <summary>The label of the key that cookies are sealed with.</summary>
    public static ReadOnlySpan<byte> CookieLabel => "cookie--"u8;

    /// <summary>The pre-shared key: tailnets use none, which is 32 zero bytes.</summary>
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
