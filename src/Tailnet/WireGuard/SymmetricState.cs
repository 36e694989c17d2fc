using Crypto;

namespace Tailnet.WireGuard;

/// <summary>Noise's symmetric state, a chaining key and a hash (wireguard.md §1). The caller owns and wipes its 64 bytes.</summary>
internal readonly ref struct SymmetricState
{
    public const int Length = 2 * Blake2s.HashLength;

    public SymmetricState(Span<byte> memory)
    {
        ChainKey = memory[..Blake2s.HashLength];
        Hash = memory.Slice(Blake2s.HashLength, Blake2s.HashLength);
    }

    public Span<byte> ChainKey { get; }

    public Span<byte> Hash { get; }

    // A key of a handshake encrypts only one message, so its nonce is 0.
    private static ReadOnlySpan<byte> Nonce => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>Begins a handshake.</summary>
    /// <param name="hash">The initial hash, which includes the responder's static key.</param>
    public void Start(ReadOnlySpan<byte> hash)
    {
        NoiseConstants.InitialChainKey.CopyTo(ChainKey);
        hash.CopyTo(Hash);
    }

    public void MixHash(ReadOnlySpan<byte> input) => Blake2s.Hash(Hash, input, Hash);

    public void MixKey(ReadOnlySpan<byte> input) => Blake2sKdf.Derive(ChainKey, input, ChainKey);

    public void MixKey(ReadOnlySpan<byte> input, Span<byte> key) => Blake2sKdf.Derive(ChainKey, input, ChainKey, key);

    public void MixPresharedKey(Span<byte> key)
    {
        Span<byte> mixed = stackalloc byte[Blake2s.HashLength];
        Blake2sKdf.Derive(ChainKey, NoiseConstants.PresharedKey, ChainKey, mixed, key);
        MixHash(mixed);
    }

    public void Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> plain, Span<byte> output)
    {
        ChaChaPoly.Seal(key, Nonce, Hash, plain, output);
        MixHash(output);
    }

    public bool TryOpen(ReadOnlySpan<byte> key, ReadOnlySpan<byte> input, Span<byte> plain)
    {
        if (!ChaChaPoly.TryOpen(key, Nonce, Hash, input, plain))
        {
            return false;
        }

        MixHash(input);
        return true;
    }

    /// <summary>Derives the keys of the session: the initiator sends with the first, the responder with the second.</summary>
    public void Split(Span<byte> first, Span<byte> second) => Blake2sKdf.Derive(ChainKey, default, first, second);
}
