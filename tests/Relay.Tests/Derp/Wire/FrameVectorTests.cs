using System.Net;
using Relay.Derp.Wire;

namespace Relay.Tests.Derp.Wire;

public sealed class FrameVectorTests
{
    private const string A = "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254";
    private const string B = "79a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51a";

    private delegate int Write(Span<byte> destination);

    [Fact]
    public void TheServerKeyIsTheVector()
    {
        var frame = DerpHandshake.ServerKey(Vectors.Server.PublicKey);

        Assert.Equal(
            "010000002844455250f09f94918f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f", Vectors.Hex(frame));
        Assert.True(DerpHandshake.TryReadServerKey([.. frame.AsSpan(5), 1, 2, 3], out var key));
        Assert.Equal(Vectors.Server.PublicKey, key);
        Assert.False(DerpHandshake.TryReadServerKey(frame.AsSpan(5, 39), out _));
    }

    [Theory]
    [InlineData(Vectors.ClientInfo, null, true, false, "{\"version\":2,\"CanAckPings\":true}")]
    [InlineData(Vectors.MeshClientInfo, Vectors.MeshKey, false, false, null)]
    [InlineData(
        Vectors.ProberClientInfo, null, true, true, "{\"version\":2,\"CanAckPings\":true,\"IsProber\":true,\"AppName\":\"my-app\"}")]
    public void TheServerOpensTheClientInfosOfTheVectors(string hex, string? meshKey, bool acks, bool prober, string? json)
    {
        var frame = Vectors.Bytes(hex);

        var info = DerpHandshake.OpenClientInfo(Vectors.Server, frame.AsSpan(5), out var key, out var box);

        Assert.Equal(new ClientInfo(2, meshKey, acks, prober), info);
        Assert.Equal(Vectors.A.PublicKey, key);
        Assert.NotNull(box);
        var client = Vectors.A.BoxWith(Vectors.Server.PublicKey);
        var bytes = json is null ? info!.ToJson() : System.Text.Encoding.UTF8.GetBytes(json);
        Assert.Equal(hex, Vectors.Hex(DerpHandshake.ClientInfo(Vectors.A.PublicKey, client, bytes, Vectors.ClientNonce)));
    }

    [Fact]
    public void TheServerInfosAreTheVectors()
    {
        var box = Vectors.Server.BoxWith(Vectors.A.PublicKey);
        var json = "{\"version\":2,\"TokenBucketBytesPerSecond\":1250000,\"TokenBucketBytesBurst\":2500000}"u8;

        Assert.Equal(Vectors.ServerInfo, Vectors.Hex(DerpHandshake.ServerInfo(box, Vectors.ServerNonce)));
        Assert.Equal(Vectors.ServerInfoWithBucket, Vectors.Hex(DerpHandshake.ServerInfo(box, json, Vectors.ServerNonce)));
        var client = Vectors.A.BoxWith(Vectors.Server.PublicKey);
        Assert.Equal("{\"version\":2}"u8.ToArray(), DerpHandshake.Open(client, Vectors.Bytes(Vectors.ServerInfo).AsSpan(5)));
    }

    [Fact]
    public void ABoxWithAFlippedBitOrCutAnywhereDoesNotOpen()
    {
        var frame = Vectors.Bytes(Vectors.ClientInfo);
        for (var i = 5; i < frame.Length; i++)
        {
            var damaged = frame.ToArray();
            damaged[i] ^= (byte)(1 << (i % 8));

            // The top bit of a public key does not count in X25519, so the flips avoid it.
            Assert.Null(DerpHandshake.OpenClientInfo(Vectors.Server, damaged.AsSpan(5), out _, out _));
            Assert.Null(DerpHandshake.OpenClientInfo(Vectors.Server, frame.AsSpan(5, i - 5), out _, out _));
        }
    }

    [Fact]
    public void TheFramesAreTheVectors()
    {
        var (a, b) = (Vectors.A.PublicKey, Vectors.B.PublicKey);

        Same("0400000025" + B + "68656c6c6f", d => Hello(d, DerpFrames.PacketPrefix(d, DerpFrameType.SendPacket, b, 5)));
        Same("0500000025" + A + "68656c6c6f", d => Hello(d, DerpFrames.PacketPrefix(d, DerpFrameType.RecvPacket, a, 5)));
        Same("0a00000045" + A + B + "68656c6c6f", d => Hello(d, DerpFrames.ForwardPrefix(d, a, b, 5)));
        Same("0600000000", static d => DerpFrames.Empty(d, DerpFrameType.KeepAlive));
        Same("070000000101", static d => DerpFrames.NotePreferred(d, true));
        Same("070000000100", static d => DerpFrames.NotePreferred(d, false));
        Same("0800000021" + B + "00", d => DerpFrames.PeerGone(d, b, PeerGoneReason.Disconnected));
        Same("0800000021" + B + "01", d => DerpFrames.PeerGone(d, b, PeerGoneReason.NotHere));
        Same("0900000033" + A + "00000000000000000000ffffcb007107a2a901",
            d => DerpFrames.PeerPresent(d, a, IPEndPoint.Parse("203.0.113.7:41641"), PeerFlags.Regular));
        Same("0900000033" + A + "20010db800000000000000000000000701bb02",
            d => DerpFrames.PeerPresent(d, a, IPEndPoint.Parse("[2001:db8::7]:443"), PeerFlags.MeshPeer));
        Same("0900000033" + A + "00000000000000000000000000000000000001",
            d => DerpFrames.PeerPresent(d, a, null, PeerFlags.Regular));
        Same("1000000000", static d => DerpFrames.Empty(d, DerpFrameType.WatchConns));
        Same("1100000020" + B, d => DerpFrames.ClosePeer(d, b));
        Same("12000000080102030405060708", static d => DerpFrames.Ping(d, DerpFrameType.Ping, 0x0102030405060708));
        Same("13000000080102030405060708", static d => DerpFrames.Ping(d, DerpFrameType.Pong, 0x0102030405060708));
        Same("1400000003424144", static d => DerpFrames.Health(d, "BAD"u8));
        Same("1400000000", static d => DerpFrames.Health(d, default));
        Same("15000000080000000100000002",
            static d => DerpFrames.Restarting(d, TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(2)));
    }

    private static int Hello(Span<byte> destination, int at)
    {
        "hello"u8.CopyTo(destination[at..]);
        return at + 5;
    }

    private static void Same(string hex, Write write)
    {
        var buffer = new byte[256];
        Assert.Equal(hex, Vectors.Hex(buffer.AsSpan(0, write(buffer))));
    }
}
