using Tailnet.Coordination;
using Tailnet.Coordination.Shared;
using Tailnet.Messages;
using Tailnet.Tests.Coordination.Model;

namespace Tailnet.Tests.Coordination;

/// <summary>
/// Servers that share coordination by a database and a bus in memory. Each connection goes to the next server. Every call lets all that
/// waits be written, heard and read, so that tests read as with one server.
/// </summary>
internal sealed class SharedServers : ICoordinator
{
    private readonly ModelDatabase _database = new();
    private readonly List<Server> _servers = [];
    private int _connections;

    public SharedServers(int count, CoordinatorOptions options)
    {
        for (var i = 0; i < count; i++)
        {
            _servers.Add(new Server(_database.NewId(), _database.Generation, options));
        }

        Settle();
    }

    public int PeerCount => _servers.Sum(static server => server.Core.PeerCount);

    public bool HasNoTunnels => _servers.TrueForAll(static server => server.Core.HasNoTunnels);

    public ValueTask<ICoordinatedPeer> ConnectAsync(Guid id, ICoordinateeAuth auth, CancellationToken cancellationToken = default)
    {
        var server = _servers[_connections++ % _servers.Count];
        var peer = new SettledPeer(this, server.Core.Connect(id, auth));
        Settle();
        return ValueTask.FromResult<ICoordinatedPeer>(peer);
    }

    private void Settle()
    {
        while (_servers.Exists(Step))
        {
        }
    }

    private bool Step(Server server)
    {
        if (server.Core.TakeWrite() is { } write)
        {
            Write(server, write);
            return true;
        }

        switch (server.Core.TakeRead())
        {
            case RowsRead rows:
                server.Core.Answer(rows, _database.Read(rows));
                return true;
            case OpenersRead openers:
                server.Core.Answer(openers, _database.Read(openers));
                return true;
            default:
                return false;
        }
    }

    private void Write(Server server, PendingWrite write)
    {
        var answer = _database.Commit(write, new HashSet<Guid> { server.Id });
        var entries = write.Entries(answer.Claimed, EntryLimits.Default);
        server.Frames++;
        foreach (var other in _servers.Where(other => other != server))
        {
            Assert.True(other.Core.Hear(_database.Generation, server.Id, server.Frames, entries));
            Assert.False(other.Core.NeedsResync);
        }

        server.Core.Answer(write, answer);
    }

    private sealed class Server
    {
        public Server(Guid id, Guid generation, CoordinatorOptions options)
        {
            Id = id;
            Core = new CoordinatorCore(options, new Sharing(new ManualTimeProvider(), EntryLimits.Default, static () => { }));
            Core.Start(generation, id);
            Core.Resync();
        }

        public Guid Id { get; }

        public CoordinatorCore Core { get; }

        public long Frames { get; set; }
    }

    private sealed class SettledPeer(SharedServers servers, CoordinatedPeer peer) : ICoordinatedPeer
    {
        public Guid Id => peer.Id;

        public async ValueTask<bool> HandleAsync(CoordinateRequest request, CancellationToken cancellationToken)
        {
            var goesOn = await peer.HandleAsync(request, cancellationToken);
            servers.Settle();
            return goesOn;
        }

        public ValueTask<CoordinateResponse?> ReadAsync(CancellationToken cancellationToken) => peer.ReadAsync(cancellationToken);

        public async ValueTask DisposeAsync()
        {
            await peer.DisposeAsync();
            servers.Settle();
        }
    }
}
