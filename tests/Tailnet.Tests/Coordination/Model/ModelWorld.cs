using Tailnet.Coordination;
using Tailnet.Coordination.Shared;
using Tailnet.Messages;

namespace Tailnet.Tests.Coordination.Model;

/// <summary>
/// Two or three servers on one database and one bus, with clients that connect, speak and leave at random. Every step of every server comes
/// in any order. Now and then everything comes to rest; then each pair must agree (invariants I1 to I6 of the specification).
/// </summary>
internal sealed partial class ModelWorld
{
    private readonly List<ModelServer> _servers = [];
    private readonly Guid[] _ids;
    private readonly Dictionary<Guid, ModelClient?> _current = [];
    private readonly Dictionary<Guid, HashSet<Guid>> _wanted = [];
    private readonly HashSet<(Guid Reader, Guid Peer)> _removed = [];
    private readonly HashSet<Guid> _saidGoodbye = [];
    private readonly HashSet<Guid> _killed = [];

    // Peers with a connection that ended before it was claimed: then readers see the connection before it again, which others still have.
    private readonly HashSet<Guid> _forgotten = [];

    // Clients that have not opened their tunnels again after a hand-over: the claim has to keep them.
    private readonly HashSet<Guid> _silent = [];
    private readonly bool _crashes;
    private readonly bool _readsEachStep;
    private long _lastValue;
    private long _published;
    private long _publishedAtBeat;

    public ModelWorld(int seed, bool crashes, bool isRacy)
    {
        Random = new Random(seed);
        (_crashes, IsRacy) = (crashes, isRacy);
        IsLossy = Random.Next(2) == 0;
        _readsEachStep = Random.Next(2) == 0;
        _ids = [.. Enumerable.Range(1, Random.Next(2, 5)).Select(static i => new Guid(i, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2))];
        foreach (var id in _ids)
        {
            (_current[id], _wanted[id]) = (null, []);
        }

        for (var i = Random.Next(2, 4); i > 0; i--)
        {
            _servers.Add(new ModelServer(this));
        }
    }

    public Random Random { get; }

    public ManualTimeProvider Time { get; } = new();

    public ModelDatabase Database { get; } = new();

    /// <summary>Whether a peer may connect before its older connection is claimed.</summary>
    public bool IsRacy { get; }

    /// <summary>Whether the bus loses, repeats and delays frames.</summary>
    public bool IsLossy { get; }

    public int Readies { get; private set; }

    /// <summary>What happened, when somebody wants to know.</summary>
    public List<string>? Trace { get; init; }

    public void Run(int steps)
    {
        for (var i = 0; i < steps; i++)
        {
            if (Random.NextDouble() < 0.25)
            {
                Act();
                ReadEachStep();
            }

            var server = _servers[Random.Next(_servers.Count)];
            server.Step();
            ReadEachStep();
            if (!_readsEachStep && Random.NextDouble() < 0.05)
            {
                server.Read(isCurrent: false);
            }

            if (Random.NextDouble() < 0.005)
            {
                Rest();
                Check();
            }
        }

        Rest();
        Check();
    }

    public void Publish(ModelServer sender, Frame frame, bool isSure)
    {
        _published += isSure ? 0 : 1;
        foreach (var server in _servers)
        {
            if (server != sender && server.IsListening && (isSure || !IsLossy || Random.NextDouble() > 0.03))
            {
                server.Inbox.Add(frame);
            }
        }
    }

    public void CountReady() => Readies++;

    /// <summary>Whether a peer's nodes come in the order in which its clients told them.</summary>
    public bool IsOrdered(Guid peer) => !IsRacy && !_forgotten.Contains(peer);

    public bool MayBeDisconnected(Guid reader, Guid peer) => _removed.Contains((reader, peer)) || _saidGoodbye.Contains(peer);

    private void ReadEachStep()
    {
        if (_readsEachStep)
        {
            _servers.ForEach(static server => server.Read(isCurrent: true));
        }
    }

    private void Act()
    {
        var id = _ids[Random.Next(_ids.Length)];
        var client = _current[id];
        var chance = Random.NextDouble();
        switch (chance)
        {
            case < 0.12:
            case < 0.90 when client is null:
                Connect(id, client);
                break;
            case < 0.90 when client!.IsOver:
                _current[id] = null;
                break;
            case < 0.43:
                client!.Tell(++_lastValue);
                break;
            case < 0.46:
                var shown = client!.View.Where(static seen => seen.Value > 0).Select(static seen => seen.Key).ToArray();
                if (shown.Length > 0)
                {
                    client.Ready(shown[0]);
                }

                break;
            case < 0.65:
                Open(id, client!, _ids[Random.Next(_ids.Length)]);
                break;
            case < 0.78:
                Remove(id, client!, _ids[Random.Next(_ids.Length)]);
                break;
            case < 0.84:
                _saidGoodbye.Add(id);
                Leave(client!);
                client!.Send(new CoordinateRequest { Disconnect = new() });
                _current[id] = null;
                _wanted[id].Clear();
                break;
            case < 0.90:
                Leave(client!);
                client!.Server.Core.Lose(client.Peer);
                _current[id] = null;
                break;
            case < 0.915:
                var server = _servers[Random.Next(_servers.Count)];
                server.LoseListener();
                if (Random.Next(2) == 0)
                {
                    Time.Advance(TimeSpan.FromMinutes(1));
                    server.Judge();
                }

                break;
            case < 0.93:
                Disturb(Random.Next(_servers.Count));
                break;
            case < 0.935 when _crashes:
                Database.Crash();
                _servers.ForEach(static server => server.LoseListener());
                OpenAgain([.. _silent]);
                break;
        }
    }

    private void Connect(Guid id, ModelClient? older)
    {
        if (older is not null && !IsRacy && !older.Peer.Shared!.IsClaimed)
        {
            return;
        }

        var server = _servers[Random.Next(_servers.Count)];
        var isSilent = older is { IsOver: false } && !IsRacy && IsOwner(older)
            && (older.Server == server || older.Peer.Shared!.Touched.Count == 0) && Random.Next(2) == 0;
        var client = new ModelClient(this, server, server.Core.Connect(id, CoordinateeAuth.Server));
        server.Clients.Add(client);
        _current[id] = client;
        Trace?.Add($"{server.Name} {id} connects{(isSilent ? ", silent" : "")}");
        if (isSilent)
        {
            _silent.Add(id);
        }

        if (Random.NextDouble() < 0.8)
        {
            client.Tell(++_lastValue);
        }

        if (!isSilent)
        {
            OpenAgain([id]);
        }
    }

    // The row is the connection's, and no other server claims the peer for a connection that may have ended meanwhile.
    private bool IsOwner(ModelClient client) =>
        client.Server.IsCurrent
        && client.Server.Core.IsClaimed(client.Id) == true
        && Database.Rows.TryGetValue(client.Id, out var row)
        && row.Epoch == client.Peer.Shared!.Epoch
        && _servers.TrueForAll(server => server == client.Server || server.Core.IsClaimed(client.Id) is null);

    private void Open(Guid id, ModelClient client, Guid target)
    {
        if (target != id)
        {
            _wanted[id].Add(target);
        }

        Trace?.Add($"{client.Server.Name} {id} opens {target}");
        client.Open(target);
    }

    private void Remove(Guid id, ModelClient client, Guid target)
    {
        _wanted[id].Remove(target);
        _removed.Add((id, target));
        _removed.Add((target, id));
        Trace?.Add($"{client.Server.Name} {id} removes {target}");
        client.Remove(target);
    }

    private void OpenAgain(Guid[] ids)
    {
        foreach (var id in ids)
        {
            _silent.Remove(id);
            foreach (var target in _current[id] is null ? [] : _wanted[id])
            {
                _current[id]!.Open(target);
            }
        }
    }

    private void Disturb(int at)
    {
        var server = _servers[at];
        var chance = Random.Next(20);
        Trace?.Add($"{server.Name} is disturbed by {chance}");
        switch (chance)
        {
            case < 5:
                // Drained.
                foreach (var client in server.Clients)
                {
                    Leave(client);
                    server.Core.Move(client.Peer);
                }

                Leave(server);
                break;
            case < 9:
                // Killed, with another one in its place. It is fenced some time later.
                _killed.Add(server.Name);
                server.Clients.Clear();
                _servers[at] = new ModelServer(this);
                Leave(server);
                break;
            case < 12:
                Fence(server.Name);
                break;
            case < 15:
                // Its beats are not seen.
                _servers[Random.Next(_servers.Count)].Core.Suspect(server.Name, isSuspect: true);
                break;
            case < 18:
                Time.Advance(TimeSpan.FromSeconds(Random.Next(40)));
                server.Judge();
                break;
            default:
                Expire(1);
                break;
        }
    }

    private void Leave(ModelClient client)
    {
        Trace?.Add($"{client.Server.Name} {client.Id} leaves");
        if (!client.Peer.Shared!.IsClaimed)
        {
            _forgotten.Add(client.Id);
        }
    }

    private void Leave(ModelServer server)
    {
        foreach (var id in _ids)
        {
            if (_current[id]?.Server == server)
            {
                _current[id] = null;
            }
        }
    }

    private void Fence(Guid server)
    {
        _killed.Remove(server);
        OpenAgain([.. _silent]);
        Database.Fence(server);
    }

    // The garbage collection ends peers whose server has drained, and which are nowhere else.
    private void Expire(int limit)
    {
        foreach (var row in Database.Rows.Values.Where(static row => row.State == PeerState.Moving).Take(limit))
        {
            row.End(PeerState.Lost);
        }
    }

    /// <summary>Lets everything that waits happen, in a random order.</summary>
    private void Rest()
    {
        for (var i = 0; i < 100_000; i++)
        {
            var from = Random.Next(_servers.Count);
            if (Enumerable.Range(0, _servers.Count).Any(next => _servers[(from + next) % _servers.Count].Step()))
            {
                ReadEachStep();
            }
            else if (_publishedAtBeat != _published)
            {
                _publishedAtBeat = _published;
                _servers.ForEach(static server => server.Beat());
            }
            else if (_killed.Count > 0)
            {
                Fence(_killed.First());
            }
            else if (!Settle())
            {
                Finish();
                return;
            }
        }

        Assert.Fail("never at rest");
    }

    private bool Settle()
    {
        foreach (var server in _servers)
        {
            _servers.ForEach(other => other.Core.Suspect(server.Name, isSuspect: false));
        }

        Time.Advance(TimeSpan.FromMinutes(1));
        var didJudge = false;
        foreach (var server in _servers)
        {
            didJudge |= server.Judge();
        }

        return didJudge;
    }

    private void Finish()
    {
        _servers.ForEach(static server => server.Read(isCurrent: false));
        Expire(99);
        foreach (var (id, _) in Database.Rows.Where(static row => row.Value.State > PeerState.Moving).ToArray())
        {
            if (Random.Next(2) == 0)
            {
                Database.Rows.Remove(id);
            }
        }

        _removed.Clear();
        _saidGoodbye.Clear();
        _forgotten.Clear();
    }
}
