using System.IO.Pipelines;
using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using Relay.Derp;
using Relay.Derp.Connections;
using Relay.Derp.Queues;
using Relay.Derp.Wire;

namespace Micro;

/// <summary>The registry of DERP clients: who is where, asked for each run of packets, and a client that comes and goes.</summary>
[MemoryDiagnoser]
public class RegistryBenchmarks
{
    private readonly DerpTotals _totals = new();
    private readonly ChunkPool _pool = new(1 << 20);
    private NodeKey[] _keys = [];
    private DerpRegistry _registry = null!;
    private DerpConnection _guest = null!;
    private int _next;

    /// <summary>Clients that are connected.</summary>
    [Params(100, 10_000)]
    public int Clients { get; set; }

    /// <summary>Connects them.</summary>
    [GlobalSetup]
    public void Fill()
    {
        _registry = new DerpRegistry(_totals);
        _keys = [.. Enumerable.Range(0, Clients).Select(static _ => new NodeKey(RandomNumberGenerator.GetBytes(NodeKey.Length)))];
        for (var i = 0; i < Clients; i++)
        {
            _registry.TryAdd(Connection(i, _keys[i]), maxPerKey: 0);
        }

        _guest = Connection(Clients, new NodeKey(RandomNumberGenerator.GetBytes(NodeKey.Length)));
    }

    /// <summary>One client by its key.</summary>
    [Benchmark]
    public long Find()
    {
        _next = _next + 1 < _keys.Length ? _next + 1 : 0;
        return _registry.Find(_keys[_next])!.Active!.Id;
    }

    /// <summary>One more client, added and removed.</summary>
    [Benchmark]
    public bool ComeAndGo()
    {
        var added = _registry.TryAdd(_guest, maxPerKey: 0);
        _registry.Remove(_guest);
        return added;
    }

    private DerpConnection Connection(long id, NodeKey key) => new(
        id, key, new ClientInfo(2, null, false, false), isMeshPeer: false, new DerpTransport(PipeReader.Create(Stream.Null), new Nowhere()),
        new SendQueue(_pool, new QueueLimits(128, 1 << 20), _totals), _totals);

    private sealed class Nowhere : IDerpOutput
    {
        public bool IsWritable => true;

        public void OnWritable(Action callback)
        {
            // It always is.
        }

        public int TrySend(ReadOnlySpan<byte> bytes) => bytes.Length;

        public void Flush()
        {
            // Nothing is kept back.
        }

        public void Complete()
        {
            // Nothing is open.
        }
    }
}
