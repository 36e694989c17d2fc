using Tailnet.Ip.Tcp;
using Tailnet.Peer;
using Tailnet.Tests.Ip;

namespace Tailnet.Tests.Peer;

/// <summary>Pings inside the tunnel: for the user, and to agents that the coordinator has lost.</summary>
public sealed class PingTests : IDisposable
{
    private static readonly Guid Id = new("11111111-1111-1111-1111-111111111111");
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly TestRelay _relay = new();

    public void Dispose() => _relay.Dispose();

    [Fact]
    public void APingOpensTheTunnelAndMeasuresTheRoundTrip()
    {
        var ping = _relay.Stack.PingAsync(Id, Limit, TestContext.Current.CancellationToken);
        Assert.Equal([Id], _relay.Added);
        _relay.Announce(Id, _relay.Start());
        _relay.Until(() => ping.IsCompleted);

        // Five milliseconds each way, in steps of one.
        Assert.InRange(TestRelay.Result(ping).TotalMilliseconds, 10, 12);
        Assert.Equal(TestRelay.Result(ping), _relay.Stack.Find(Id)!.RoundTrip);
        Assert.Equal(TestRelay.Home, _relay.Stack.Find(Id)!.HomeRegion);
        Assert.NotNull(_relay.Stack.Find(Id)!.LastHandshake);
    }

    [Fact]
    public void ALostPingIsRepeated()
    {
        Measure();
        _relay.LoseNext = 1;
        var ping = _relay.Stack.PingAsync(Id, Limit, TestContext.Current.CancellationToken);
        Assert.InRange(_relay.Until(() => ping.IsCompleted), 1000, 1020);
        Assert.InRange(TestRelay.Result(ping).TotalMilliseconds, 10, 12);
    }

    [Fact]
    public void APingWithoutAnswerFails()
    {
        var agent = Measure();
        agent.IsSilent = true;
        var ping = _relay.Stack.PingAsync(Id, TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        Assert.InRange(_relay.Until(() => ping.IsCompleted), 4999, 5001);
        Assert.Equal(DialFailure.NotReachable, Assert.IsType<DialException>(ping.Exception?.InnerException).Failure);

        var unknown = _relay.Stack.PingAsync(Guid.NewGuid(), Limit, TestContext.Current.CancellationToken);
        _relay.Until(() => unknown.IsCompleted);
        Assert.Equal(DialFailure.NoNode, Assert.IsType<DialException>(unknown.Exception?.InnerException).Failure);
    }

    [Fact]
    public void TheConnectionsOfALostAgentEndWhenItIsSilent()
    {
        var (agent, stream) = Open();
        _relay.Stack.Lost(Id);
        agent.IsSilent = true;

        // Silence of 5 s before each of three pings, and after the last one.
        Assert.InRange(_relay.Until(() => stream.CloseReason != TcpCloseReason.None), 19_900, 20_100);
        Assert.Equal(TcpCloseReason.AgentLost, stream.CloseReason);
    }

    [Fact]
    public void TheConnectionsOfALostAgentThatAnswersStayOpen()
    {
        var (_, stream) = Open();
        _relay.Stack.Lost(Id);
        _relay.Run(TimeSpan.FromMinutes(10));
        Assert.Equal(TcpCloseReason.None, stream.CloseReason);
    }

    [Fact]
    public void ThereIsALimitOfConnectionsToAllAgents()
    {
        using var relay = new TestRelay(new TailnetStackOptions { MaxConnections = 1 });
        var dial = relay.Dial(Id);
        relay.Announce(Id, relay.Start(new ServerSettings { NoFin = true }));
        relay.Until(() => dial.IsCompleted);
        Assert.Equal(DialFailure.Busy, TestRelay.FailureOf(relay.Dial(Guid.NewGuid())));

        TestRelay.Result(dial).Abort();
        Assert.False(relay.Dial(Guid.NewGuid()).IsCompleted);
    }

    private TestAgent Measure()
    {
        var agent = _relay.Start();
        var ping = _relay.Stack.PingAsync(Id, Limit, TestContext.Current.CancellationToken);
        _relay.Announce(Id, agent);
        _relay.Until(() => ping.IsCompleted);
        TestRelay.Result(ping);
        return agent;
    }

    private (TestAgent Agent, TcpStream Stream) Open()
    {
        var agent = _relay.Start(new ServerSettings { NoFin = true });
        var dial = _relay.Dial(Id);
        _relay.Announce(Id, agent);
        _relay.Until(() => dial.IsCompleted);
        return (agent, TestRelay.Result(dial));
    }
}
