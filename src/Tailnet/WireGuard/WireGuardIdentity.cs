using Crypto;

namespace Tailnet.WireGuard;

/// <summary>The key pair of a node, in pinned memory that <see cref="Dispose"/> wipes. All other members are for concurrent use.</summary>
public sealed class WireGuardIdentity : IDisposable
{
    private readonly SecretBytes _privateKey = new(X25519.KeyLength);
    private readonly byte[] _publicKey = new byte[X25519.KeyLength];

    /// <summary>Creates an identity from a private key.</summary>
    /// <param name="privateKey">32 bytes, which are copied.</param>
    /// <exception cref="ArgumentException">The key is not 32 bytes long.</exception>
    public WireGuardIdentity(ReadOnlySpan<byte> privateKey)
    {
        X25519.PublicKey(privateKey, _publicKey);
        privateKey.CopyTo(_privateKey.Span);
        InitialHash = NoiseConstants.HashOf(NoiseConstants.InitialHash, _publicKey);
        MacKey = NoiseConstants.HashOf(NoiseConstants.MacLabel, _publicKey);
    }

    /// <summary>The public key, 32 bytes.</summary>
    public ReadOnlySpan<byte> PublicKey => _publicKey;

    /// <summary>The initial hash of a handshake to this node.</summary>
    internal byte[] InitialHash { get; }

    /// <summary>The key of the first MAC (mac1) of each handshake message to this node.</summary>
    internal byte[] MacKey { get; }

    /// <summary>Creates an identity with a new random key.</summary>
    public static WireGuardIdentity Generate()
    {
        using var key = new SecretBytes(X25519.KeyLength);
        X25519.NewPrivateKey(key.Span);
        return new WireGuardIdentity(key.Span);
    }

    /// <inheritdoc/>
    public void Dispose() => _privateKey.Dispose();

    internal bool TryAgree(ReadOnlySpan<byte> publicKey, Span<byte> shared) => X25519.TryAgree(_privateKey.Span, publicKey, shared);
}
