using Tailnet.Disco;
using Tailnet.Ip.Tcp;
using Tailnet.Peer;
using Tailnet.Tests.Ip;
using Tailnet.WireGuard;

namespace Tailnet.Tests.Peer;

/// <summary>A stack, agents, and a relay between them that delays and drops messages. All run in virtual time, on one thread.</summary>
internal sealed class TestRelay : IRelayOutput, ITunnelOutput, IDisposable
{
    public const int Home = 7;

    private readonly Queue<(NodeKey? ToAgent, NodeKey Source, byte[] Message, long At)> _underway = new();
    private readonly Dictionary<NodeKey, TestAgent> _agents = [];
    private readonly Random _random = new(3);

    public TestRelay(TailnetStackOptions? options = null) => Stack = new TailnetStack(
        new WireGuardNode(Identity, new WireGuardOptions(), Time),
        Disco,
        Simulation.Node,
        this,
        this,
        (options ?? new TailnetStackOptions()) with { DialsRunInline = true },
        Time);

    public ManualTimeProvider Time { get; } = new();

    public WireGuardIdentity Identity { get; } = WireGuardIdentity.Generate();

    public DiscoKeys Disco { get; } = new();

    public TailnetStack Stack { get; }

    /// <summary>The virtual time since the start, in microseconds.</summary>
    public long Now { get; private set; }

    /// <summary>The loss rate of transport messages, in 1/1,000.</summary>
    public int Lost { get; set; }

    /// <summary>The number of next messages of the node that are lost.</summary>
    public int LoseNext { get; set; }

    /// <summary>Whether <see cref="TrySend"/> refuses all messages.</summary>
    public bool IsDown { get; set; }

    /// <summary>The bytes that the stack has allocated to receive and answer messages, without those of this class.</summary>
    public long Allocated { get; set; }

    public List<int> Regions { get; } = [];

    public int Flushes { get; private set; }

    public List<Guid> Added { get; } = [];

    public List<Guid> Removed { get; } = [];

    /// <summary>Starts an agent. The stack learns its node from <see cref="Announce"/>.</summary>
    public TestAgent Start(ServerSettings? settings = null)
    {
        var agent = new TestAgent(this, settings ?? new ServerSettings());
        _agents.Add(agent.Key, agent);
        return agent;
    }

    public bool Announce(Guid id, TestAgent agent, int home = Home) => Stack.SetNode(id, agent.Key, [], [SimulatedServer.Address], home);

    public Task<TcpStream> Dial(Guid id, ushort port = 2, int seconds = 30, CancellationToken cancellation = default) =>
        Stack.DialAsync(id, port, TimeSpan.FromSeconds(seconds), cancellation);

    public bool TrySend(in NodeKey destination, int region, ReadOnlySpan<byte> message)
    {
        if (IsDown)
        {
            return false;
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        Regions.Add(region);
        if (LoseNext > 0)
        {
            LoseNext--;
        }
        else if (!IsLost(message))
        {
            _underway.Enqueue((destination, default, message.ToArray(), Now + 5000));
        }

        Allocated -= GC.GetAllocatedBytesForCurrentThread() - before;
        return true;
    }

    public void ConnectHome()
    {
    }

    public void Flush() => Flushes++;

    public void Add(Guid agent) => Added.Add(agent);

    public void Remove(Guid agent) => Removed.Add(agent);

    public void ToNode(in NodeKey source, ReadOnlySpan<byte> message)
    {
        if (!IsLost(message))
        {
            _underway.Enqueue((null, source, message.ToArray(), Now + 5000));
        }
    }

    /// <summary>Advances the time until the condition is true. Returns the number of milliseconds.</summary>
    public int Until(Func<bool> condition, int limit = 60_000)
    {
        for (var passed = 0; ; passed++)
        {
            if (condition())
            {
                return passed;
            }

            Assert.True(passed < limit, "It takes too long.");
            Step(TimeSpan.FromMilliseconds(1));
        }
    }

    public void Run(TimeSpan time)
    {
        for (var end = Now + (long)time.TotalMicroseconds; Now < end;)
        {
            Step(TimeSpan.FromMilliseconds(time.TotalSeconds > 60 ? 50 : 1));
        }
    }

    /// <summary>The result of a completed task.</summary>
    public static T Result<T>(Task<T> task)
    {
        Assert.True(task.IsCompleted);
        return task.GetAwaiter().GetResult();
    }

    /// <summary>The failure of a completed dial.</summary>
    public static DialFailure FailureOf(Task<TcpStream> dial)
    {
        Assert.True(dial.IsCompleted);
        return Assert.IsType<DialException>(dial.Exception?.InnerException).Failure;
    }

    public void Dispose()
    {
        Stack.Dispose();
        foreach (var agent in _agents.Values)
        {
            agent.Dispose();
        }

        Disco.Dispose();
        Identity.Dispose();
    }

    private bool IsLost(ReadOnlySpan<byte> message) => message[0] == 4 && _random.Next(1000) < Lost;

    private void Step(TimeSpan time)
    {
        Now += (long)time.TotalMicroseconds;
        Time.Advance(time);
        long before;
        while (_underway.TryPeek(out var next) && next.At <= Now)
        {
            _underway.Dequeue();
            if (next.ToAgent is not { } key)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
                Stack.Receive(Home, next.Source, next.Message);
                Allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            }
            else if (_agents.TryGetValue(key, out var agent))
            {
                agent.Receive(next.Message);
            }
        }

        before = GC.GetAllocatedBytesForCurrentThread();
        Stack.EndOfBatch();
        Allocated += GC.GetAllocatedBytesForCurrentThread() - before;
        foreach (var agent in _agents.Values)
        {
            agent.Run();
        }
    }
}
