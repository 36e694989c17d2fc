using System.Security.Cryptography;
using Crypto;
using Tailnet.WireGuard.Wire;

namespace Tailnet.WireGuard;

/// <summary>
/// The initiator's half of a handshake (wireguard.md §3): it writes an initiation and reads the response. Initiations of the
/// peer do not change its state, so crossing handshakes do not disturb each other.
/// </summary>
internal sealed class InitiatorHalf : IDisposable
{
    private const int MaxForged = 4;

    private readonly SecretBytes _secret = new(X25519.KeyLength + SymmetricState.Length);
    private int _forged;

    /// <summary>Whether an initiation has no response yet.</summary>
    public bool IsOutstanding { get; private set; }

    /// <summary>The sender index of that initiation.</summary>
    public uint Index { get; private set; }

    /// <summary>Whether too many forged responses came. Further ones are dropped before X25519, which takes time.</summary>
    public bool IsUnderAttack => _forged >= MaxForged;

    private Span<byte> Ephemeral => _secret.Span[..X25519.KeyLength];

    private Span<byte> State => _secret.Span[X25519.KeyLength..];

    /// <summary>Fills in an initiation, without its MACs.</summary>
    /// <param name="message">The message, with its index.</param>
    /// <param name="mine">This node's key pair.</param>
    /// <param name="peer">The responder.</param>
    /// <param name="ephemeral">A new ephemeral private key, which is copied.</param>
    /// <param name="timestamp">A TAI64N timestamp, later than that of any earlier initiation to the peer.</param>
    public void Write(
        InitiationMessage message,
        WireGuardIdentity mine,
        PeerKeys peer,
        ReadOnlySpan<byte> ephemeral,
        ReadOnlySpan<byte> timestamp)
    {
        Span<byte> secrets = stackalloc byte[2 * X25519.KeyLength];
        var shared = secrets[..X25519.KeyLength];
        var key = secrets[X25519.KeyLength..];
        ephemeral.CopyTo(Ephemeral);
        X25519.PublicKey(ephemeral, message.Ephemeral);

        var state = new SymmetricState(State);
        state.Start(peer.InitialHash);
        state.MixKey(message.Ephemeral);
        state.MixHash(message.Ephemeral);

        // PeerKeys.TryCreate has checked the peer's key: it gives a shared secret with every private key.
        _ = X25519.TryAgree(ephemeral, peer.PublicKey, shared);
        state.MixKey(shared, key);
        state.Seal(key, mine.PublicKey, message.SealedStatic);
        state.MixKey(peer.StaticStatic, key);
        state.Seal(key, timestamp, message.SealedTimestamp);
        CryptographicOperations.ZeroMemory(secrets);
        (Index, IsOutstanding, _forged) = (message.Sender, true, 0);
    }

    /// <summary>Reads the response. A forged one leaves the state unchanged, since the genuine one may still arrive.</summary>
    /// <param name="message">A response to <see cref="Index"/>.</param>
    /// <param name="mine">This node's key pair.</param>
    /// <param name="keys">64 bytes to fill: the sending key, then the receiving key.</param>
    public DropReason Read(ResponseMessage message, WireGuardIdentity mine, Span<byte> keys)
    {
        Span<byte> secrets = stackalloc byte[SymmetricState.Length + (2 * X25519.KeyLength)];
        var shared = secrets.Slice(SymmetricState.Length, X25519.KeyLength);
        var key = secrets[^X25519.KeyLength..];
        State.CopyTo(secrets);
        var reason = Read(message, mine, new SymmetricState(secrets), shared, key);
        if (reason is DropReason.None)
        {
            new SymmetricState(secrets).Split(keys[..Session.KeyLength], keys[Session.KeyLength..]);
        }
        else
        {
            _forged++;
        }

        CryptographicOperations.ZeroMemory(secrets);
        return reason;
    }

    /// <summary>Discards the initiation and wipes its secrets.</summary>
    public void Clear()
    {
        _secret.Wipe();
        (Index, IsOutstanding) = (0, false);
    }

    public void Dispose() => _secret.Dispose();

    private DropReason Read(ResponseMessage message, WireGuardIdentity mine, SymmetricState state, Span<byte> shared, Span<byte> key)
    {
        state.MixKey(message.Ephemeral);
        state.MixHash(message.Ephemeral);
        if (!X25519.TryAgree(Ephemeral, message.Ephemeral, shared))
        {
            return DropReason.BadKey;
        }

        state.MixKey(shared);
        if (!mine.TryAgree(message.Ephemeral, shared))
        {
            return DropReason.BadKey;
        }

        state.MixKey(shared);
        state.MixPresharedKey(key);
        return state.TryOpen(key, message.SealedEmpty, default) ? DropReason.None : DropReason.BadAead;
    }
}
