using Relay.Derp.Wire;

namespace Relay.Tests.Derp;

/// <summary>The keys and frames of derp.md §9.</summary>
internal static class Vectors
{
    public const string ServerInfo =
        "0300000035c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d72a89115f509c63c25c2e0364c0785f651383647884a485efd35195b60a";

    public const string ServerInfoWithBucket =
        "0300000079c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7dc24f574711af052df19a58dcb30bcdf1383647884a485efd35195b65b05fe26d790e5"
        + "27d8aa076009f6240871e8d9513d7b3abbd7345718c8632f80cfc8501c6a4cec18fe987e273572cc08edd9e04782bad97da3a37f8582e7a9eebba20e067f";

    public const string ClientInfo =
        "0200000068358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b717de70"
        + "1d87b44c624c5baf9ced5eb7637290998345c4f87919ad718cb15f3acbc7681a0deb13a91b1cc6e58f566b0057";

    public const string MeshClientInfo =
        "02000000b6358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7a9b7e9"
        + "ed9ed68981bed4399b7fd8059f7290828344dfda730ead719cad4c4b999d1c4f518343a61e0c80ba9d142f57194c5c0eab6c77e33823240c9f7776bcb7cd34ca"
        + "d3ddf77ad7154c24be3db1417ae41f91dcfaf41fc286037d1cc4094a2fb6bab4f850a92ce79ac81b7c127810b0aa7a11c14ae5100f1634e9e75815";

    public const string ProberClientInfo =
        "020000008b358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7032ac9"
        + "c821f029102c48b9683e87cd7a7290998345c4f87919ad718cb15f3acbc7681a0deb13a91b1cc6e58f566b00065a204bcc2621e03f3262538d3532eba8db408c"
        + "94abaf76d0541263b574ad1239a008da";

    public const string MeshKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    public static readonly NodePrivateKey Server = Private("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e5f");
    public static readonly NodePrivateKey A = Private("202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e7f");
    public static readonly NodePrivateKey B = Private("404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f");
    public static readonly byte[] ClientNonce = [.. Enumerable.Range(0xa0, 24).Select(static i => (byte)i)];
    public static readonly byte[] ServerNonce = [.. Enumerable.Range(0xc0, 24).Select(static i => (byte)i)];

    public static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);

    public static byte[] Bytes(string hex) => Convert.FromHexString(hex);

    private static NodePrivateKey Private(string hex) =>
        NodePrivateKey.TryParse("privkey:" + hex, out var key) ? key : throw new InvalidOperationException(hex);
}
