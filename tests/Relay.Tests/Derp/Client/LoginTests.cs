using Relay.Derp.Client;
using Relay.Derp.Wire;

namespace Relay.Tests.Derp.Client;

public sealed class LoginTests
{
    [Fact]
    public async Task AClientTellsThatItAnswersPingsAndNothingElse()
    {
        await using var relay = new TestRelay();

        Assert.Equal(new ClientInfo(2, null, CanAckPings: true, IsProber: false), await relay.AskAsync());
        Assert.False(relay.Client.IsConnected);
        Assert.False(relay.Client.TrySend(Vectors.B.PublicKey, [1]));
        await relay.WriteAsync(TestRelay.ServerInfo());
        await relay.Events.ExpectAsync("connected");

        Assert.Equal((true, TestRelay.Key.PublicKey), (relay.Client.IsConnected, relay.Client.ServerKey));
    }

    public static TheoryData<string> BadFirstFrames => new(
        Hex(TestRelay.ServerInfo()),
        Hex(DerpTestClient.Frame(DerpFrameType.KeepAlive)),
        Hex(DerpTestClient.Frame(DerpFrameType.ServerKey)),
        Hex(DerpHandshake.ServerKey(default)), // A point of low order.
        Hex(DerpTestClient.Frame(DerpFrameType.ServerKey, new byte[40])), // No magic.
        Hex(DerpHandshake.ServerKey(Vectors.Server.PublicKey)[..^1]).Replace("0100000028", "0100000027", StringComparison.Ordinal),
        "0000000001", // The header alone is enough.
        "01ffffffff",
        "0100010021");

    [Theory]
    [MemberData(nameof(BadFirstFrames))]
    public async Task AnotherFirstFrameThanAServerKeyEndsTheLogin(string frame)
    {
        await using var relay = new TestRelay();

        await relay.WriteAsync(Vectors.Bytes(frame));

        await relay.ExpectEndAsync(DerpClientCloseReason.BadLogin);
        Assert.Empty(relay.Events.Rest());
    }

    public static TheoryData<string> BadSecondFrames => new(
        Hex(DerpHandshake.ServerKey(Vectors.Server.PublicKey)),
        Hex(TestRelay.RecvPacket(Vectors.B.PublicKey, 1)),
        Hex(DerpTestClient.Frame(DerpFrameType.ServerInfo)),
        Hex(DerpTestClient.Frame(DerpFrameType.ServerInfo, new byte[23])),
        Hex(DerpTestClient.Frame(DerpFrameType.ServerInfo, new byte[53])),
        Hex(DerpHandshake.ServerInfo(Vectors.B.BoxWith(Vectors.A.PublicKey))), // Of another server.
        "0300010021");

    [Theory]
    [MemberData(nameof(BadSecondFrames))]
    public async Task AnotherSecondFrameThanAServerInfoOfThatKeyEndsTheLogin(string frame)
    {
        await using var relay = new TestRelay();
        await relay.AskAsync();

        await relay.WriteAsync(Vectors.Bytes(frame));

        await relay.ExpectEndAsync(DerpClientCloseReason.BadLogin);
        Assert.Empty(relay.Events.Rest());
    }

    [Fact]
    public async Task ARelayWithAnotherKeyThanTheExpectedGetsNoClientInfo()
    {
        await using var relay = new TestRelay(new DerpClientOptions { ServerKey = Vectors.B.PublicKey });

        await relay.WriteAsync(DerpHandshake.ServerKey(TestRelay.Key.PublicKey));

        Assert.Equal(DerpFrameType.None, (await relay.NextAsync()).Type);
        await relay.ExpectEndAsync(DerpClientCloseReason.WrongServer);
    }

    [Fact]
    public async Task AServerKeyMayBeLongerAndAServerInfoMayHoldMore()
    {
        await using var relay = new TestRelay(new DerpClientOptions { ServerKey = TestRelay.Key.PublicKey });
        var key = DerpHandshake.ServerKey(TestRelay.Key.PublicKey);

        await relay.WriteAsync(DerpTestClient.Frame(DerpFrameType.ServerKey, [.. key[5..], 1, 2, 3]));
        await relay.NextAsync();
        await relay.WriteAsync(DerpHandshake.ServerInfo(
            TestRelay.Key.BoxWith(TestRelay.ClientKey.PublicKey), "{\"version\":3,\"TokenBucketBytesPerSecond\":1}"u8, default));

        await relay.Events.ExpectAsync("connected");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ALoginHasTenSeconds(bool asked)
    {
        await using var relay = new TestRelay();
        if (asked)
        {
            await relay.AskAsync();
        }

        relay.Clock.Advance(TimeSpan.FromSeconds(9));
        Assert.False(relay.Ended.IsCompleted);
        relay.Clock.Advance(TimeSpan.FromSeconds(2));

        await relay.ExpectEndAsync(DerpClientCloseReason.LoginTimeout);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task ARelayThatClosesDuringTheLoginRefuses(int stage)
    {
        await using var relay = new TestRelay();
        if (stage > 0)
        {
            await relay.AskAsync();
        }

        await relay.WriteAsync(stage == 2 ? TestRelay.ServerInfo()[..^1] : []);
        await relay.CloseAsync();

        await relay.ExpectEndAsync(DerpClientCloseReason.Refused);
        Assert.Empty(relay.Events.Rest());
    }

    [Fact]
    public async Task AClientRunsOnce()
    {
        await using var relay = new TestRelay();

        await Assert.ThrowsAsync<InvalidOperationException>(() => relay.Client.RunAsync(CancellationToken.None));
        await relay.GreetAsync();
    }

    private static string Hex(byte[] bytes) => Vectors.Hex(bytes);
}
