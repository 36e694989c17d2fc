using System.Diagnostics.CodeAnalysis;
using Crypto;

namespace Tailnet.WireGuard;

/// <summary>A peer's public key, and the values that are derived from it once for all handshakes.</summary>
internal sealed class PeerKeys : IDisposable
{
    private readonly byte[] _publicKey;
    private readonly SecretBytes _staticStatic = new(X25519.KeyLength);

    private PeerKeys(ReadOnlySpan<byte> publicKey)
    {
        _publicKey = publicKey.ToArray();
        InitialHash = NoiseConstants.HashOf(NoiseConstants.InitialHash, publicKey);
        MacKey = NoiseConstants.HashOf(NoiseConstants.MacLabel, publicKey);
    }

    public ReadOnlySpan<byte> PublicKey => _publicKey;

    /// <summary>The initial hash of a handshake to the peer.</summary>
    public byte[] InitialHash { get; }

    /// <summary>The key of the first MAC (mac1) of each handshake message to the peer.</summary>
    public byte[] MacKey { get; }

    /// <summary>The shared secret of both static keys: DH(S_i, S_r) of wireguard.md §2.1.</summary>
    public ReadOnlySpan<byte> StaticStatic => _staticStatic.Span;

    /// <returns>False for a key of low order, which gives no shared secret and so cannot authenticate a peer.</returns>
    public static bool TryCreate(WireGuardIdentity mine, ReadOnlySpan<byte> publicKey, [NotNullWhen(true)] out PeerKeys? keys)
    {
        keys = new PeerKeys(publicKey);
        if (!mine.TryAgree(publicKey, keys._staticStatic.Span))
        {
            keys.Dispose();
            keys = null;
        }

        return keys is not null;
    }

    public void Dispose() => _staticStatic.Dispose();
}
