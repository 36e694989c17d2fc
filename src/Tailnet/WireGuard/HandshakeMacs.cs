using System.Security.Cryptography;
using Crypto;
using Tailnet.WireGuard.Wire;

namespace Tailnet.WireGuard;

/// <summary>
/// The MACs of the handshake messages to one peer, and the cookie that the peer gave when it was under load (wireguard.md §2.3).
/// </summary>
/// <param name="peer">The peer.</param>
/// <param name="times">How long a cookie is used.</param>
internal sealed class HandshakeMacs(PeerKeys peer, WireGuardTimes times) : IDisposable
{
    private readonly byte[] _lastMac = new byte[MessageMacs.MacLength];
    private SecretBytes? _cookie;
    private long _cookieUntil = long.MinValue;
    private uint _lastIndex;
    private bool _hasLast;

    /// <summary>Whether a message was made for the key that <paramref name="macKey"/> belongs to.</summary>
    public static bool IsValid(MessageMacs macs, ReadOnlySpan<byte> macKey)
    {
        Span<byte> expected = stackalloc byte[MessageMacs.MacLength];
        Blake2s.Mac(macKey, macs.CoveredByFirst, expected);
        return CryptographicOperations.FixedTimeEquals(expected, macs.First);
    }

    /// <summary>Writes both MACs of a message to the peer.</summary>
    /// <param name="macs">Where they go, and what they cover.</param>
    /// <param name="index">The sender index of the message.</param>
    /// <param name="now">The clock.</param>
    public void Write(MessageMacs macs, uint index, long now)
    {
        Blake2s.Mac(peer.MacKey, macs.CoveredByFirst, macs.First);
        macs.Second.Clear();
        if (now < _cookieUntil)
        {
            Blake2s.Mac(_cookie!.Span, macs.CoveredBySecond, macs.Second);
        }

        macs.First.CopyTo(_lastMac);
        (_lastIndex, _hasLast) = (index, true);
    }

    /// <summary>Takes a cookie for the next messages, if it answers the last one.</summary>
    public DropReason Read(CookieReplyMessage message, long now)
    {
        if (!_hasLast || message.Receiver != _lastIndex)
        {
            return DropReason.UnknownSession;
        }

        Span<byte> cookie = stackalloc byte[CookieReplyMessage.CookieLength];
        var key = NoiseConstants.HashOf(NoiseConstants.CookieLabel, peer.PublicKey);
        if (!XChaChaPoly.TryOpen(key, message.Nonce, _lastMac, message.SealedCookie, cookie))
        {
            return DropReason.BadAead;
        }

        _cookie ??= new SecretBytes(CookieReplyMessage.CookieLength);
        cookie.CopyTo(_cookie.Span);
        _cookieUntil = now + times.CookieAge;
        CryptographicOperations.ZeroMemory(cookie);
        return DropReason.None;
    }

    public void Dispose() => _cookie?.Dispose();
}
