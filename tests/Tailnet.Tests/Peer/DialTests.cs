using Tailnet.Ip.Tcp;
using Tailnet.Peer;
using Tailnet.Tests.Ip;

namespace Tailnet.Tests.Peer;

public sealed class DialTests : IDisposable
{
    private static readonly Guid Id = new("11111111-1111-1111-1111-111111111111");
    private static readonly ServerSettings OpenEnded = new() { NoFin = true };

    private readonly TestRelay _relay = new();
    private TestAgent? _agent;

    public void Dispose() => _relay.Dispose();

    [Fact]
    public void AColdDialWaitsForTheNodeAndTheSession()
    {
        var dial = _relay.Dial(Id);
        Assert.Equal([Id], _relay.Added);
        Assert.Equal(TailnetPeerState.NoNode, _relay.Stack.StateOf(Id));
        _relay.Run(TimeSpan.FromSeconds(1));
        Assert.True(_relay.Announce(Id, _relay.Start(OpenEnded)));
        Assert.Equal(TailnetPeerState.Connecting, _relay.Stack.StateOf(Id));

        // One round trip for the session, and one for the connection.
        Assert.InRange(_relay.Until(() => dial.IsCompleted), 1, 25);
        Assert.Equal(TcpCloseReason.None, TestRelay.Result(dial).CloseReason);
        Assert.Equal(TailnetPeerState.Up, _relay.Stack.StateOf(Id));
    }

    [Fact]
    public void AFirstInitiationThatIsLostCostsLittle()
    {
        var dial = _relay.Dial(Id);
        _relay.LoseNext = 1;
        _relay.Announce(Id, _relay.Start(OpenEnded));
        Assert.InRange(_relay.Until(() => dial.IsCompleted), 1, 200);
        TestRelay.Result(dial);
    }

    [Fact]
    public void AnAgentThatIsSlowToKnowTheNodeAndNeverSaysSoIsReached()
    {
        var dial = _relay.Dial(Id);
        var agent = _relay.Start(OpenEnded);
        agent.KnowsNode = false;
        _relay.Announce(Id, agent);
        _relay.Run(TimeSpan.FromMilliseconds(350));
        agent.KnowsNode = true;
        Assert.InRange(_relay.Until(() => dial.IsCompleted), 1, 450);
        TestRelay.Result(dial);
    }

    [Fact]
    public void AnAgentThatSaysThatItIsReadyIsReachedAtOnce()
    {
        var dial = _relay.Dial(Id);
        var agent = _relay.Start(OpenEnded);
        agent.KnowsNode = false;
        _relay.Announce(Id, agent);
        _relay.Run(TimeSpan.FromMilliseconds(2000));
        agent.KnowsNode = true;
        _relay.Stack.PeerIsReady(Id);
        Assert.InRange(_relay.Until(() => dial.IsCompleted), 1, 50);
    }

    [Fact]
    public void APortMayBeRefused()
    {
        var dial = _relay.Dial(Id, 99);
        _relay.Announce(Id, _relay.Start());
        _relay.Until(() => dial.IsCompleted);
        Assert.Equal(DialFailure.Refused, TestRelay.FailureOf(dial));
    }

    [Fact]
    public void ADialEndsInTimeWhateverIsMissing()
    {
        var noNode = _relay.Dial(Id, seconds: 2);
        Assert.InRange(_relay.Until(() => noNode.IsCompleted), 1999, 2001);
        Assert.Equal(DialFailure.NoNode, TestRelay.FailureOf(noNode));
        var longer = _relay.Dial(Id, seconds: 30);
        Assert.InRange(_relay.Until(() => longer.IsCompleted), 9999, 10001);
        Assert.Equal(DialFailure.NoNode, TestRelay.FailureOf(longer));

        var noSession = _relay.Dial(Id, seconds: 2);
        var agent = _relay.Start();
        agent.KnowsNode = false;
        _relay.Announce(Id, agent);
        Assert.InRange(_relay.Until(() => noSession.IsCompleted), 1999, 2001);
        Assert.Equal(DialFailure.NotReachable, TestRelay.FailureOf(noSession));

        _relay.IsDown = true;
        var noRelay = _relay.Dial(Id, seconds: 2);
        _relay.Until(() => noRelay.IsCompleted);
        Assert.Equal(DialFailure.NotReachable, TestRelay.FailureOf(noRelay));
        Assert.True(_relay.Stack.Counters.Unsent > 0);
    }

    [Fact]
    public void ADialGoesOnAsSoonAsItsRelayIsReached()
    {
        _relay.IsDown = true;
        var dial = _relay.Dial(Id);
        _relay.Announce(Id, _relay.Start(OpenEnded));

        // The initiations of these 5 s are refused; the next one would come after some seconds more.
        _relay.Run(TimeSpan.FromSeconds(5));
        _relay.IsDown = false;
        _relay.Stack.RelayIsUp(TestRelay.Home + 1);
        _relay.Run(TimeSpan.FromMilliseconds(20));
        Assert.False(dial.IsCompleted);
        _relay.Stack.RelayIsUp(TestRelay.Home);
        Assert.InRange(_relay.Until(() => dial.IsCompleted), 1, 25);
        TestRelay.Result(dial);
    }

    [Fact]
    public void ADialMayBeCancelled()
    {
        using var cancel = new CancellationTokenSource();
        var dial = _relay.Dial(Id, cancellation: cancel.Token);
        Assert.False(dial.IsCompleted);
        cancel.Cancel();
        Assert.True(dial.IsCanceled);
    }

    [Fact]
    public void TheStreamsOfAnAgentThatStartsAgainWithAnotherKeyEnd()
    {
        var stream = Open();
        var read = stream.ReadAsync(new byte[10]).AsTask();
        Assert.True(_relay.Announce(Id, _relay.Start(OpenEnded)));
        Assert.Equal(TcpCloseReason.AgentRestarted, Assert.IsType<TcpException>(read.Exception?.InnerException).Reason);
        Assert.Equal("agent restarted", new DialException(DialFailure.Restarted).Message);

        var again = _relay.Dial(Id);
        Assert.InRange(_relay.Until(() => again.IsCompleted), 1, 50);
        TestRelay.Result(again);
    }

    [Fact]
    public void TheStreamsOfAnAgentThatDisconnectsEndAndDialsWaitForItsNextNode()
    {
        var stream = Open();
        _relay.Stack.Disconnected(Id);
        Assert.Equal(TcpCloseReason.AgentGone, stream.CloseReason);
        Assert.Equal(TailnetPeerState.NoNode, _relay.Stack.StateOf(Id));
        var dial = _relay.Dial(Id);
        _relay.Run(TimeSpan.FromSeconds(1));
        Assert.False(dial.IsCompleted);
        _relay.Announce(Id, _relay.Start(OpenEnded));
        Assert.InRange(_relay.Until(() => dial.IsCompleted), 1, 50);
    }

    [Fact]
    public void AHomeThatHasMovedCountsAtOnce()
    {
        var stream = Open();
        Assert.All(_relay.Regions, static region => Assert.Equal(TestRelay.Home, region));
        _relay.Regions.Clear();
        Assert.True(_relay.Stack.SetNode(Id, _agent!.Key, [], [SimulatedServer.Address], 8));
        Assert.True(stream.WriteAsync(Bytes(0, 10)).AsTask().IsCompletedSuccessfully);
        Assert.Equal([8], _relay.Regions);
        _relay.Until(() => _agent.Server.Received == 10);
    }

    [Fact]
    public void TheEndOfTheStackEndsStreamsAndDials()
    {
        var stream = Open();
        var dial = _relay.Dial(new Guid(2, 2, 2, [2, 2, 2, 2, 2, 2, 2, 2]));
        _relay.Stack.Dispose();
        Assert.Equal(TcpCloseReason.Stopping, stream.CloseReason);
        Assert.Equal(DialFailure.Stopping, TestRelay.FailureOf(dial));
        Assert.Equal(DialFailure.Stopping, TestRelay.FailureOf(_relay.Dial(Id)));
        _relay.Until(() => _agent!.Server.WasReset);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    public void AMebibyteGoesBothWaysIntact(int lost)
    {
        const int Size = 1024 * 1024;
        var stream = Open(new ServerSettings { ToSend = Size });
        _relay.Lost = lost;
        var write = WriteAsync(stream, Size);
        var read = ReadAsync(stream);
        _relay.Until(() => read.IsCompleted && write.IsCompleted && _agent!.Server.HasAll, 300_000);
        Assert.Equal(Size, TestRelay.Result(read));
        Assert.Equal(Size, _agent!.Server.Received);
    }

    [Fact]
    public void APacketAllocatesNothing()
    {
        var stream = Open(new ServerSettings { ToSend = 64 * 1024 * 1024 });
        var read = ReadAsync(stream);

        // The agent's congestion window grows during this time, and the receive buffer allocates chunks.
        _relay.Run(TimeSpan.FromMilliseconds(1500));
        Assert.False(read.IsCompleted);
        _relay.Allocated = 0;
        _relay.Regions.Clear();
        _relay.Run(TimeSpan.FromMilliseconds(100));
        Assert.False(read.IsCompleted);
        Assert.True(_relay.Regions.Count >= 10);
        Assert.Equal(0, _relay.Allocated);
    }

    private static byte[] Bytes(long position, int length)
    {
        var bytes = new byte[length];
        Pattern.Fill(bytes, position, OpenEnded.PeerSalt);
        return bytes;
    }

    private static async Task WriteAsync(TcpStream stream, int size)
    {
        for (var position = 0; position < size; position += 65536)
        {
            await stream.WriteAsync(Bytes(position, 65536)).ConfigureAwait(false);
        }

        stream.CompleteWrites();
    }

    private static async Task<int> ReadAsync(TcpStream stream)
    {
        var buffer = new byte[5000];
        var position = 0;
        while (await stream.ReadAsync(buffer).ConfigureAwait(false) is var length and > 0)
        {
            Pattern.Verify(buffer.AsSpan(0, length), position, OpenEnded.Salt);
            position += length;
        }

        return position;
    }

    private TcpStream Open(ServerSettings? settings = null)
    {
        var dial = _relay.Dial(Id);
        _agent = _relay.Start(settings ?? OpenEnded);
        Assert.True(_relay.Announce(Id, _agent));
        _relay.Until(() => dial.IsCompleted);
        return TestRelay.Result(dial);
    }
}
