using System.Net;
using Tailnet.Ip;
using Tailnet.Ip.Tcp;
using Tailnet.Ip.Wire;
using Tailnet.Peer;
using Tailnet.Tests.Ip;

namespace Tailnet.Tests.Peer;

public class StackTests
{
    private static readonly Guid First = new("aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa");
    private static readonly Guid Second = new("bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb");
    private static readonly ServerSettings OpenEnded = new() { NoFin = true };

    [Fact]
    public void TwoAgentsMayHaveTheSameAddress()
    {
        using var relay = new TestRelay();
        var (agentA, streamA) = Open(relay, First);
        var (agentB, streamB) = Open(relay, Second);
        Assert.True(streamA.WriteAsync(Bytes(5)).AsTask().IsCompletedSuccessfully);
        Assert.True(streamB.WriteAsync(Bytes(9)).AsTask().IsCompletedSuccessfully);
        relay.Until(() => agentA.Server.Received == 5 && agentB.Server.Received == 9);
    }

    [Fact]
    public void APacketFromAnotherAddressIsDropped()
    {
        using var relay = new TestRelay();
        var (agent, _) = Open(relay, First);
        var packet = new byte[1280];
        var other = new Ipv6Address(IPAddress.Parse("fd7a:115c:a1e0::3"));
        agent.SendPacket(packet[..Tsmp.WritePing(packet, other, Simulation.Node, 1)]);
        relay.Run(TimeSpan.FromMilliseconds(20));
        Assert.Equal(1, relay.Stack.Counters.Packets[(int)PacketVerdict.BadIp]);
    }

    [Fact]
    public void UnknownKeysAndDiscoAreCounted()
    {
        using var relay = new TestRelay();
        Open(relay, First);
        relay.Stack.Receive(1, new NodeKey(1, 2), new byte[148]);
        relay.Stack.Receive(1, new NodeKey(1, 2), [0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac, 1, 2, 3]);
        relay.Stack.Receive(1, new NodeKey(1, 2), []);
        Assert.Equal((3, 0), (relay.Stack.Counters.UnknownKeys, relay.Stack.Counters.Disco));
    }

    [Fact]
    public void NodesThatCannotBeUsedAreNotTaken()
    {
        using var relay = new TestRelay();
        var (agent, stream) = Open(relay, First);
        _ = relay.Dial(Second);
        Assert.False(relay.Announce(Second, agent));
        Assert.False(relay.Announce(First, agent, home: 0));
        Assert.False(relay.Stack.SetNode(First, agent.Key, [], [], 1));
        Assert.False(relay.Stack.SetNode(First, default, [], [SimulatedServer.Address], 1));
        Assert.Equal(4, relay.Stack.Counters.BadNodes);
        Assert.False(relay.Announce(Guid.Empty, agent));
        Assert.Equal(TcpCloseReason.None, stream.CloseReason);
    }

    [Fact]
    public void TheBoundsAreAnswered()
    {
        using var relay = new TestRelay(new TailnetStackOptions { MaxAgents = 2, MaxWaitingDials = 3 });
        for (var i = 0; i < 3; i++)
        {
            Assert.False(relay.Dial(First).IsCompleted);
        }

        Assert.Equal(DialFailure.Busy, TestRelay.FailureOf(relay.Dial(First)));
        var other = relay.Dial(Second, seconds: 1);
        Assert.Equal(DialFailure.Busy, TestRelay.FailureOf(relay.Dial(Guid.Empty)));

        // A new agent evicts a quiet one.
        relay.Until(() => other.IsCompleted);
        relay.Run(TimeSpan.FromMinutes(4));
        Assert.False(relay.Dial(Guid.Empty).IsCompleted);
        Assert.Single(relay.Removed);
    }

    [Fact]
    public void AnAgentHasSoManyConnections()
    {
        using var relay = new TestRelay(new TailnetStackOptions { MaxWaitingDials = 1000 });
        Open(relay, First);
        for (var i = 1; i < 256; i++)
        {
            Assert.False(relay.Dial(First).IsCompleted);
        }

        Assert.Equal(DialFailure.Busy, TestRelay.FailureOf(relay.Dial(First)));
    }

    [Fact]
    public void AnAgentWithoutConnectionsGetsQuietAndIsForgotten()
    {
        using var relay = new TestRelay();
        var (_, stream) = Open(relay, First);
        relay.Run(TimeSpan.FromMinutes(20));
        Assert.Equal(TailnetPeerState.Up, relay.Stack.StateOf(First));
        stream.Abort();
        relay.Run(TimeSpan.FromSeconds(170));
        Assert.Equal(TailnetPeerState.Up, relay.Stack.StateOf(First));
        relay.Run(TimeSpan.FromSeconds(20));
        Assert.Equal(TailnetPeerState.Quiet, relay.Stack.StateOf(First));

        relay.Run(TimeSpan.FromMinutes(5));
        relay.Regions.Clear();
        relay.Run(TimeSpan.FromMinutes(4));
        Assert.Equal(TailnetPeerState.Quiet, relay.Stack.StateOf(First));
        Assert.Empty(relay.Regions);
        relay.Run(TimeSpan.FromMinutes(2));
        Assert.Equal(TailnetPeerState.Forgotten, relay.Stack.StateOf(First));
        Assert.Equal([First], relay.Removed);
    }

    [Fact]
    public void AQuietAgentIsReachedAgain()
    {
        using var relay = new TestRelay();
        var (_, stream) = Open(relay, First);
        stream.Abort();
        relay.Run(TimeSpan.FromMinutes(9));
        Assert.Equal(TailnetPeerState.Quiet, relay.Stack.StateOf(First));
        var dial = relay.Dial(First, 99);
        Assert.InRange(relay.Until(() => dial.IsCompleted), 1, 30);
        Assert.Equal(DialFailure.Refused, TestRelay.FailureOf(dial));
    }

    [Fact]
    public void AnAgentThatIsLostKeepsItsConnectionsUntilNoHandshakeSucceeds()
    {
        using var relay = new TestRelay();
        var (agent, stream) = Open(relay, First);
        relay.Stack.Lost(First);
        relay.Run(TimeSpan.FromMinutes(20));
        Assert.Equal(TcpCloseReason.None, stream.CloseReason);
        agent.KnowsNode = false;
        relay.Run(TimeSpan.FromMinutes(16));
        Assert.NotEqual(TcpCloseReason.None, stream.CloseReason);
        Assert.NotEqual(TailnetPeerState.Up, relay.Stack.StateOf(First));
    }

    private static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        Pattern.Fill(bytes, 0, OpenEnded.PeerSalt);
        return bytes;
    }

    private static (TestAgent Agent, TcpStream Stream) Open(TestRelay relay, Guid id)
    {
        var dial = relay.Dial(id);
        var agent = relay.Start(OpenEnded);
        Assert.True(relay.Announce(id, agent));
        relay.Until(() => dial.IsCompleted);
        return (agent, TestRelay.Result(dial));
    }
}
