using System.Security.Cryptography;
using Crypto;
using Tailnet.WireGuard.Wire;

namespace Tailnet.WireGuard;

/// <summary>
/// The MACs of the handshake messages to one peer, and the cookie that the peer has sent under load (wireguard.md §2.3, §2.4).
/// </summary>
/// <param name="peer">The keys of the peer.</param>
/// <param name="times">The lifetime of a cookie.</param>
internal sealed class HandshakeMacs(PeerKeys peer, WireGuardTimes times) : IDisposable
{
    private readonly byte[] _lastMac = new byte[MessageMacs.MacLength];
    private SecretBytes? _cookie;
    private long _cookieUntil = long.MinValue;
    private uint _lastIndex;
    private bool _hasLast;

    /// <summary>Whether the first MAC (mac1) is right. The static key of this node determines <paramref name="macKey"/>.</summary>
    public static bool IsValid(MessageMacs macs, ReadOnlySpan<byte> macKey)
    {
        Span<byte> expected = stackalloc byte[MessageMacs.MacLength];
        Blake2s.Mac(macKey, macs.CoveredByFirst, expected);
        return CryptographicOperations.FixedTimeEquals(expected, macs.First);
    }

    /// <summary>Writes both MACs of a message to the peer.</summary>
    /// <param name="macs">The MACs' place in the message, and the bytes that they cover.</param>
    /// <param name="index">The sender index of the message.</param>
    /// <param name="now">The current timestamp of the clock.</param>
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

    /// <summary>Stores a cookie for the next handshake messages, if it answers the last one.</summary>
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
