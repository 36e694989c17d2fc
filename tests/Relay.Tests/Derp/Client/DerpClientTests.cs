using Relay.Derp.Client;
using Relay.Derp.Wire;
using Relay.Tests.Streams;

namespace Relay.Tests.Derp.Client;

public sealed class DerpClientTests
{
    private static readonly NodeKey Peer = Vectors.B.PublicKey;

    [Fact]
    public async Task FramesReachTheHandlerInOrderAndUnknownOnesAreSkipped()
    {
        await using var relay = await new TestRelay().GreetAsync();

        await relay.WriteAsync(
        [
            .. TestRelay.RecvPacket(Peer, 1, 2, 3),
            .. DerpTestClient.Frame(DerpFrameType.KeepAlive),
            .. TestRelay.RecvPacket(Peer),
            .. DerpTestClient.Frame(DerpFrameType.RecvPacket, new byte[31]),
            .. DerpTestClient.Frame(DerpFrameType.PeerPresent, [.. DerpTestClient.Bytes(Peer), .. new byte[19]]),
            .. DerpTestClient.Frame(DerpFrameType.PeerPresent, new byte[31]),
            .. DerpTestClient.Frame(DerpFrameType.PeerGone, DerpTestClient.Bytes(Peer)),
            .. DerpTestClient.Frame(DerpFrameType.PeerGone, [.. DerpTestClient.Bytes(Peer), 1]),
            .. DerpTestClient.Frame(DerpFrameType.PeerGone, [.. DerpTestClient.Bytes(Peer), 0xf0, 9]),
            .. DerpTestClient.Frame(DerpFrameType.PeerGone, new byte[31]),
            .. DerpTestClient.Frame((DerpFrameType)0x77, new byte[100]),
            .. DerpTestClient.Frame(DerpFrameType.ServerKey, new byte[40]),
            .. DerpTestClient.Frame(DerpFrameType.Restarting, 0, 0, 0, 1, 0, 0, 0x13, 0x88),
            .. DerpTestClient.Frame(DerpFrameType.Restarting, new byte[7]),
            .. DerpTestClient.Frame(DerpFrameType.Health, "no way home"u8.ToArray()),
            .. DerpTestClient.Frame(DerpFrameType.Health),
            .. DerpTestClient.Frame(DerpFrameType.Health, [.. Enumerable.Repeat((byte)'x', 2000)]),
        ]);
        await relay.CloseAsync();

        await relay.ExpectEndAsync(DerpClientCloseReason.RelayClosed);
        Assert.Equal(
            [
                ClientEvents.PacketLine(Peer, 1, 2, 3),
                ClientEvents.PacketLine(Peer),
                $"present {Peer.ToHex()}",
                ClientEvents.GoneLine(Peer, PeerGoneReason.Disconnected),
                ClientEvents.GoneLine(Peer, PeerGoneReason.NotHere),
                ClientEvents.GoneLine(Peer, PeerGoneReason.Disconnected),
                "restarting 1 5000",
                "health no way home",
                "health ",
                "health " + new string('x', 1024),
            ],
            relay.Events.Rest());
        Assert.InRange(relay.Events.Batches, 1, 2);
    }

    [Fact]
    public async Task PingsAreAnsweredWithTheirFirstEightBytes()
    {
        await using var relay = await new TestRelay().GreetAsync();

        await relay.WriteAsync(DerpTestClient.Frame(DerpFrameType.Ping, 1, 2, 3, 4, 5, 6, 7, 8, 9));
        var (type, payload) = await relay.NextAsync();

        Assert.Equal((DerpFrameType.Pong, "0102030405060708"), (type, Vectors.Hex(payload)));
    }

    [Fact]
    public async Task TheHomeIsToldAfterTheLoginAndWhenItChanges()
    {
        await using var relay = new TestRelay();
        relay.Client.NotePreferred(false);
        relay.Client.NotePreferred(true);
        await relay.GreetAsync();
        var first = await relay.NextAsync();

        relay.Client.NotePreferred(false);
        var second = await relay.NextAsync();

        Assert.Equal((DerpFrameType.NotePreferred, "01"), (first.Type, Vectors.Hex(first.Payload)));
        Assert.Equal((DerpFrameType.NotePreferred, "00"), (second.Type, Vectors.Hex(second.Payload)));
    }

    [Fact]
    public async Task ASilentRelayIsPingedAfterOneMinuteAndLeftAfterTwo()
    {
        await using var relay = await new TestRelay().GreetAsync();
        relay.Clock.Advance(TimeSpan.FromSeconds(59));
        await relay.WriteAsync(DerpTestClient.Frame(DerpFrameType.KeepAlive));
        await relay.WriteAsync(DerpTestClient.Frame(DerpFrameType.Ping, new byte[8]));
        Assert.Equal(DerpFrameType.Pong, (await relay.NextAsync()).Type); // The client has read both.

        relay.Clock.Advance(TimeSpan.FromSeconds(62));
        var (type, data) = await relay.NextAsync();
        Assert.Equal(DerpFrameType.Ping, type);
        await relay.WriteAsync([.. DerpTestClient.Frame(DerpFrameType.Pong, data), .. DerpTestClient.Frame(DerpFrameType.Ping, data)]);
        Assert.Equal(DerpFrameType.Pong, (await relay.NextAsync()).Type);

        relay.Clock.Advance(TimeSpan.FromSeconds(119));
        Assert.False(relay.Ended.IsCompleted);
        Assert.Equal(DerpFrameType.Ping, (await relay.NextAsync()).Type);
        relay.Clock.Advance(TimeSpan.FromSeconds(3));

        await relay.ExpectEndAsync(DerpClientCloseReason.Silent);
    }

    [Fact]
    public async Task AFullOutputRefusesPacketsAndAcceptsThemAgainLater()
    {
        await using var relay = await new TestRelay(pause: 8 * 1024).GreetAsync();
        var accepted = 0;
        while (relay.Client.TrySend(Peer, Numbered(accepted)))
        {
            relay.Client.Flush();
            accepted++;
            Assert.True(accepted < 100, "the output is never full");
        }

        Assert.False(relay.Client.TrySend(Peer, []));
        for (var i = 0; i < accepted; i++)
        {
            var (type, payload) = await relay.NextAsync();
            Assert.Equal((DerpFrameType.SendPacket, i), (type, BitConverter.ToInt32(payload, 32)));
        }

        await Eventually.TrueAsync(() => relay.Client.TrySend(Peer, Numbered(-1)), "the output accepts more");
        relay.Client.Flush();
        Assert.Equal(-1, BitConverter.ToInt32((await relay.NextAsync()).Payload, 32));
    }

    [Fact]
    public async Task ARelayThatReadsNothingIsLeft()
    {
        await using var relay = await new TestRelay(pause: 1024).GreetAsync();
        while (relay.Client.TrySend(Peer, new byte[1000]))
        {
            relay.Client.Flush();
        }

        for (var second = 0; second < 29; second++)
        {
            relay.Clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.False(relay.Ended.IsCompleted);
        relay.Clock.Advance(TimeSpan.FromSeconds(3));

        await relay.ExpectEndAsync(DerpClientCloseReason.WriteTimeout);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task ACancellationEndsTheClientAtEachStage(int stage)
    {
        await using var relay = new TestRelay(pause: 1024, isStopped: stage == 0);
        switch (stage)
        {
            case 2:
                await relay.AskAsync();
                break;
            case 3:
                await relay.GreetAsync();
                break;
            case 4:
                await relay.GreetAsync();
                while (relay.Client.TrySend(Peer, new byte[1000]))
                {
                    relay.Client.Flush();
                }

                break;
        }

        await relay.StopAsync();

        await relay.ExpectEndAsync(DerpClientCloseReason.Stopped);
    }

    [Fact]
    public async Task APacketThatIsTooLongIsTheCallersFault()
    {
        await using var relay = await new TestRelay().GreetAsync();

        Assert.Throws<ArgumentOutOfRangeException>(() => relay.Client.TrySend(Peer, new byte[DerpProtocol.MaxPacketLength + 1]));
        Assert.True(relay.Client.TrySend(Peer, new byte[DerpProtocol.MaxPacketLength]));
    }

    [Fact]
    public async Task AnExceptionOfTheHandlerEndsTheConnectionAndComesOut()
    {
        await using var relay = await new TestRelay(
            events: new ClientEvents { Packet = static _ => throw new InvalidOperationException("a bug") }).GreetAsync();

        await relay.WriteAsync(TestRelay.RecvPacket(Peer, 1));

        Assert.Equal("a bug", (await Assert.ThrowsAsync<InvalidOperationException>(() => relay.Ended.Soon())).Message);
        Assert.Equal(DerpFrameType.None, (await relay.NextAsync()).Type);
    }

    [Fact]
    public void EveryReasonHasALabelOfItsOwn()
    {
        var labels = Enum.GetValues<DerpClientCloseReason>().Select(static reason => reason.Label()).Distinct();

        Assert.Equal(DerpClientCloseReasons.Count, labels.Count());
        Assert.Throws<ArgumentOutOfRangeException>(static () => ((DerpClientCloseReason)DerpClientCloseReasons.Count).Label());
    }

    private static byte[] Numbered(int number)
    {
        var packet = new byte[1000];
        BitConverter.TryWriteBytes(packet, number);
        return packet;
    }
}
