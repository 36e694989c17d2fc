using System.Security.Cryptography;
using Crypto;
using Tailnet.WireGuard.Wire;

namespace Tailnet.WireGuard;

/// <summary>
/// The responder's half of a handshake (wireguard.md §3): an initiation is read and answered within one call of the peer, so only the
/// session is kept.
/// </summary>
internal static class ResponderHalf
{
    /// <summary>Reads an initiation. The caller has checked its first MAC.</summary>
    /// <param name="message">The initiation.</param>
    /// <param name="mine">This node's key pair.</param>
    /// <param name="peer">The peer that the message came from; the static key in it must be the peer's.</param>
    /// <param name="state">The handshake's state, which <see cref="Write"/> continues. The caller wipes it.</param>
    /// <param name="timestamp">12 bytes to fill with the initiator's timestamp.</param>
    public static DropReason Read(
        InitiationMessage message, WireGuardIdentity mine, PeerKeys peer, SymmetricState state, Span<byte> timestamp)
    {
        Span<byte> secrets = stackalloc byte[3 * X25519.KeyLength];
        var reason = Read(message, mine, peer, state, timestamp, secrets);
        CryptographicOperations.ZeroMemory(secrets);
        return reason;
    }

    /// <summary>Fills in the response, without its MACs.</summary>
    /// <param name="message">The response, with its indices.</param>
    /// <param name="peer">The initiator.</param>
    /// <param name="theirs">The initiator's ephemeral public key.</param>
    /// <param name="ephemeral">A new ephemeral private key.</param>
    /// <param name="state">The state that reading the initiation left.</param>
    /// <param name="keys">64 bytes to fill: the sending key, then the receiving key.</param>
    public static void Write(
        ResponseMessage message,
        PeerKeys peer,
        ReadOnlySpan<byte> theirs,
        ReadOnlySpan<byte> ephemeral,
        SymmetricState state,
        Span<byte> keys)
    {
        Span<byte> secrets = stackalloc byte[2 * X25519.KeyLength];
        var shared = secrets[..X25519.KeyLength];
        var key = secrets[X25519.KeyLength..];
        X25519.PublicKey(ephemeral, message.Ephemeral);
        state.MixKey(message.Ephemeral);
        state.MixHash(message.Ephemeral);

        // Both public keys gave a shared secret with this node's static key, so they give one with every private key.
        _ = X25519.TryAgree(ephemeral, theirs, shared);
        state.MixKey(shared);
        _ = X25519.TryAgree(ephemeral, peer.PublicKey, shared);
        state.MixKey(shared);
        state.MixPresharedKey(key);
        state.Seal(key, default, message.SealedEmpty);
        state.Split(keys[Session.KeyLength..], keys[..Session.KeyLength]);
        CryptographicOperations.ZeroMemory(secrets);
    }

    private static DropReason Read(
        InitiationMessage message,
        WireGuardIdentity mine,
        PeerKeys peer,
        SymmetricState state,
        Span<byte> timestamp,
        Span<byte> secrets)
    {
        var shared = secrets[..X25519.KeyLength];
        var key = secrets.Slice(X25519.KeyLength, X25519.KeyLength);
        var theirStatic = secrets[^X25519.KeyLength..];
        state.Start(mine.InitialHash);
        state.MixKey(message.Ephemeral);
        state.MixHash(message.Ephemeral);
        if (!mine.TryAgree(message.Ephemeral, shared))
        {
            return DropReason.BadKey;
        }

        state.MixKey(shared, key);
        if (!state.TryOpen(key, message.SealedStatic, theirStatic))
        {
            return DropReason.BadAead;
        }

        if (!CryptographicOperations.FixedTimeEquals(theirStatic, peer.PublicKey))
        {
            return DropReason.BadKey;
        }

        state.MixKey(peer.StaticStatic, key);
        return state.TryOpen(key, message.SealedTimestamp, timestamp) ? DropReason.None : DropReason.BadAead;
    }
}
