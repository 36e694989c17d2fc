using BenchmarkDotNet.Attributes;
using Google.Protobuf;
using Tailnet.Coordination;
using Tailnet.Messages;

namespace Micro;

/// <summary>An agent tells the coordinator a new node, and every client with a tunnel to it reads that.</summary>
[MemoryDiagnoser]
public class CoordinatorBenchmarks
{
    private readonly CoordinateRequest[] _updates = [Update(1), Update(2)];
    private readonly List<ICoordinatedPeer> _clients = [];
    private ICoordinatedPeer _agent = null!;
    private int _turn;

    /// <summary>Clients that hear of each update.</summary>
    [Params(1, 100)]
    public int Clients { get; set; }

    /// <summary>Connects them.</summary>
    [GlobalSetup]
    public void Fill()
    {
        var coordinator = new InMemoryCoordinator();
        var agent = Guid.NewGuid();
        _agent = Now(coordinator.ConnectAsync(agent, CoordinateeAuth.Agent(agent)));
        for (var i = 0; i < Clients; i++)
        {
            var client = Now(coordinator.ConnectAsync(Guid.NewGuid(), CoordinateeAuth.Client(agent)));
            Now(client.HandleAsync(new CoordinateRequest { AddTunnel = new() { Id = PeerIds.Write(agent) } }));
            _clients.Add(client);
        }
    }

    /// <summary>One update, to all.</summary>
    [Benchmark]
    public int FanOut()
    {
        Now(_agent.HandleAsync(_updates[_turn ^= 1]));
        var heard = 0;
        foreach (var client in _clients)
        {
            heard += Now(client.ReadAsync())!.PeerUpdates.Count;
        }

        return heard;
    }

    /// <summary>A node as large as those of real agents.</summary>
    private static CoordinateRequest Update(long id) => new()
    {
        UpdateSelf = new()
        {
            Node = new Node
            {
                Id = id,
                PreferredDerp = 999,
                Key = ByteString.CopyFrom(new byte[34]),
                Disco = "discokey:" + new string('0', 64),
                DerpLatency = { ["999-v4"] = 0.01 },
                Endpoints = { "192.0.2.1:41641", "198.51.100.7:41641", "[2001:db8::1]:41641" },
            },
        },
    };

    // In memory nothing waits; what did would not be counted on this thread.
    private static T Now<T>(ValueTask<T> task) =>
        task.IsCompletedSuccessfully ? task.Result : throw new InvalidOperationException("the coordinator waits");
}
