using Tailnet.WireGuard;
using Tailnet.WireGuard.Wire;

namespace Tailnet.Tests.WireGuard;

/// <summary>
/// Messages that are truncated, modified, replayed or random are dropped without an exception, and the genuine message still works.
/// <c>EDGE_FUZZ_CASES</c> is the number of random messages, <c>EDGE_FUZZ_SEED</c> their seed.
/// </summary>
public sealed class HostileMessageTests
{
    private static readonly int Cases = Setting("EDGE_FUZZ_CASES", 20_000);
    private static readonly int Seed = Setting("EDGE_FUZZ_SEED", 20261130);

    // Another test covers the limits of initiations.
    private static readonly WireGuardOptions NoLimit = new()
    {
        HandshakeBurst = 1_000_000,
        HandshakesPerSecond = 1_000,
        NodeHandshakesPerSecond = 1_000_000,
    };

    [Fact]
    public void EveryCutOfEveryMessageIsMalformedOrNotAuthentic()
    {
        foreach (var kind in Enum.GetValues<MessageKind>().Skip(1))
        {
            using var raw = new RawPeer(NoLimit);
            var (message, _) = Make(raw, kind);
            for (var length = 0; length < message.Length; length++)
            {
                var reason = raw.Give(message[..length]);
                var isForged = kind is MessageKind.Transport && reason is DropReason.BadAead;
                Assert.True(reason is DropReason.Malformed || isForged, $"{kind}, {length} bytes: {reason}");
            }

            Assert.Equal(DropReason.Malformed, raw.Give([.. message, .. new byte[TransportMessage.MaxLength]]));
            Assert.Equal(DropReason.None, raw.Give(message));
        }
    }

    [Fact]
    public void EveryChangedBitOfEveryMessageIsFound()
    {
        foreach (var kind in Enum.GetValues<MessageKind>().Skip(1))
        {
            using var raw = new RawPeer(NoLimit);
            var (message, unprotected) = Make(raw, kind);
            for (var bit = 0; bit < (message.Length - unprotected) * 8; bit++)
            {
                var reason = raw.Give(Changed(message, bit));
                Assert.True(reason is not DropReason.None and not DropReason.RateLimited, $"{kind}, bit {bit}: {reason}");
            }

            Assert.Equal(DropReason.None, raw.Give(message));
        }
    }

    // Anybody who knows the public key can make a valid first MAC. Then the handshake must detect the change.
    [Fact]
    public void EveryChangedBitOfAnInitiationIsFoundThoughItsMacIsRight()
    {
        using var raw = new RawPeer(NoLimit);
        var (message, _) = Make(raw, MessageKind.Initiation);
        for (var bit = 8 * 8; bit < (InitiationMessage.Length - (2 * MessageMacs.MacLength)) * 8; bit++)
        {
            var reason = raw.Give(raw.Seal(Changed(message, bit)));
            Assert.True(reason is DropReason.BadAead or DropReason.BadKey, $"bit {bit}: {reason}");
            raw.Time.Advance(TimeSpan.FromMilliseconds(20));
        }

        Assert.Equal(DropReason.None, raw.Give(message));
    }

    [Fact]
    public void EveryChangedBitOfAResponseIsFoundThoughItsMacIsRight()
    {
        using var raw = new RawPeer();
        using var half = new InitiatorHalf();
        raw.Give(raw.Initiation(half));
        var response = raw.Sent.Dequeue();
        var keys = new byte[2 * Session.KeyLength];
        for (var bit = 12 * 8; bit < (ResponseMessage.Length - (2 * MessageMacs.MacLength)) * 8; bit++)
        {
            var reason = half.Read(new ResponseMessage(Changed(response, bit)), raw.Identity, keys);
            Assert.True(reason is DropReason.BadAead or DropReason.BadKey, $"bit {bit}: {reason}");
            Assert.False(keys.AsSpan().ContainsAnyExcept((byte)0));
        }

        Assert.Equal(DropReason.None, half.Read(new ResponseMessage(response), raw.Identity, keys));
    }

    [Fact]
    public void SoManyForgedResponsesAreTriedAndTheNextInitiationIsAnsweredAgain()
    {
        using var raw = new RawPeer();
        raw.Peer.Connect();
        var response = raw.Response(raw.Sent.Dequeue(), out var session);
        session.Dispose();
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(DropReason.BadAead, raw.Give(raw.Seal(Changed(response, 44 * 8))));
        }

        Assert.Equal(DropReason.RateLimited, raw.Give(response));
        raw.Time.Advance(TimeSpan.FromMilliseconds(100));
        raw.Peer.Tick();
        Assert.Equal(DropReason.None, raw.Give(raw.Response(raw.Sent.Dequeue(), out session)));
        session.Dispose();
    }

    [Fact]
    public void ARepeatedMessageIsDropped()
    {
        foreach (var (kind, reason) in new[]
        {
            (MessageKind.Initiation, DropReason.OldTimestamp),
            (MessageKind.Response, DropReason.UnknownSession),
            (MessageKind.Transport, DropReason.Replay),
        })
        {
            using var raw = new RawPeer(NoLimit);
            var (message, _) = Make(raw, kind);
            Assert.Equal(DropReason.None, raw.Give(message.ToArray()));
            raw.Time.Advance(TimeSpan.FromMilliseconds(20));
            Assert.Equal(reason, raw.Give(message.ToArray()));
        }
    }

    [Fact]
    public void AnInitiationWithAnotherStaticKeyOrABadPointIsDropped()
    {
        using var raw = new RawPeer(NoLimit);
        using var other = WireGuardIdentity.Generate();
        using var half = new InitiatorHalf();
        Assert.True(PeerKeys.TryCreate(other, raw.NodeIdentity.PublicKey, out var keys));
        using var kept = keys;
        var bytes = new byte[InitiationMessage.Length];
        half.Write(InitiationMessage.Create(bytes, 1), other, keys, Crypto.X25519.NewPrivateKey(), new byte[12]);
        Assert.Equal(DropReason.BadKey, raw.Give(raw.Seal(bytes)));

        raw.Time.Advance(TimeSpan.FromMilliseconds(20));
        new InitiationMessage(bytes).Ephemeral.Clear();
        Assert.Equal(DropReason.BadKey, raw.Give(raw.Seal(bytes)));
        Assert.Empty(raw.Sent);
    }

    [Fact]
    public void AnAuthenticPacketThatIsNotIpv6IsDropped()
    {
        using var raw = new RawPeer(NoLimit);
        raw.Peer.Connect();
        raw.Give(raw.Response(raw.Sent.Dequeue(), out var session));
        using var kept = session;
        var tooLong = VirtualNode.Packet(1);
        tooLong[5] = 9;
        var version4 = VirtualNode.Packet(1);
        version4[0] = 0x45;
        Assert.Equal(DropReason.BadPacket, raw.Give(RawPeer.Transport(session, tooLong)));
        Assert.Equal(DropReason.BadPacket, raw.Give(RawPeer.Transport(session, version4)));
        Assert.Equal(DropReason.BadPacket, raw.Give(RawPeer.Transport(session, new byte[1])));
        Assert.Equal(DropReason.None, raw.Give(RawPeer.Transport(session, VirtualNode.Packet(1))));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void AnyBytesGetAnAnswerAndNoException(int series)
    {
        var random = new Random(Seed + series);
        using var raw = new RawPeer();
        raw.Peer.Connect();
        raw.Give(raw.Response(raw.Sent.Dequeue(), out var session));
        using var kept = session;
        int[] lengths = [InitiationMessage.Length, ResponseMessage.Length, CookieReplyMessage.Length, 32, 48, 1312];
        for (var i = 0; i < Cases; i++)
        {
            var message = new byte[random.Next(4) == 0 ? random.Next(1500) : lengths[random.Next(lengths.Length)]];
            random.NextBytes(message);
            if (message.Length >= 12 && random.Next(8) != 0)
            {
                message[0] = (byte)random.Next(6);
                message.AsSpan(1, 3).Clear();
                BitConverter.TryWriteBytes(message.AsSpan(random.Next(2) == 0 ? 4 : 8), session.RemoteIndex);
                if (random.Next(2) == 0 && message.Length > 64)
                {
                    raw.Seal(message);
                }
            }

            Assert.NotEqual(DropReason.None, raw.Give(message));
            raw.Time.Advance(TimeSpan.FromTicks(1));
        }

        Assert.DoesNotContain(raw.Sent, static sent => MessageKinds.Of(sent) is MessageKind.Response);
        Assert.InRange(raw.Node.Indices.Count, 1, 2);
        Assert.Equal(DropReason.None, raw.Give(RawPeer.Transport(session, VirtualNode.Packet(1))));
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), out var value) && value > 0 ? value : otherwise;

    private static byte[] Changed(byte[] message, int bit)
    {
        var changed = message.ToArray();
        changed[bit / 8] ^= (byte)(1 << (bit % 8));
        return changed;
    }

    /// <summary>A message that the node would accept, and the number of bytes at its end that are not checked.</summary>
    private static (byte[] Message, int Unprotected) Make(RawPeer raw, MessageKind kind)
    {
        using var half = new InitiatorHalf();
        if (kind is MessageKind.Initiation)
        {
            return (raw.Initiation(half), MessageMacs.MacLength);
        }

        raw.Peer.Connect();
        var initiation = raw.Sent.Dequeue();
        if (kind is MessageKind.CookieReply)
        {
            return (raw.CookieReply(initiation, new byte[16]), 0);
        }

        var response = raw.Response(initiation, out var session);
        using var kept = session;
        if (kind is MessageKind.Response)
        {
            return (response, MessageMacs.MacLength);
        }

        Assert.Equal(DropReason.None, raw.Give(response));
        return (RawPeer.Transport(session, VirtualNode.Packet(1, 24)), 0);
    }
}
