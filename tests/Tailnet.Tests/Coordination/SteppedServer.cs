using Tailnet.Coordination;
using Tailnet.Coordination.Shared;
using Tailnet.Messages;
using Tailnet.Tests.Coordination.Model;
using Kind = Tailnet.Messages.CoordinateResponse.Types.PeerUpdate.Types.Kind;

namespace Tailnet.Tests.Coordination;

/// <summary>
/// A server of shared coordination whose steps are taken one by one: a write is taken, committed and answered; a frame that the test lets
/// nobody hear is lost.
/// </summary>
internal sealed class SteppedServer
{
    private readonly ModelDatabase _database;
    private readonly HashSet<Guid> _names = [];
    private long _frames;

    public SteppedServer(ModelDatabase database, TimeProvider time)
    {
        _database = database;
        Core = new CoordinatorCore(new CoordinatorOptions(), new Sharing(time, EntryLimits.Default, static () => { }));
        Start();
        Core.Resync();
    }

    public CoordinatorCore Core { get; }

    public Guid Name { get; private set; }

    /// <summary>Begins under a new name: as a new server, after it was fenced, or in a new generation.</summary>
    public void Start()
    {
        Name = _database.NewId();
        _names.Add(Name);
        _frames = 0;
        Core.Start(_database.Generation, Name);
    }

    public CoordinatedPeer Connect(Guid id) => Core.Connect(id, CoordinateeAuth.Server);

    public void Tell(CoordinatedPeer peer, int node) =>
        Core.Handle(peer, new CoordinateRequest { UpdateSelf = new() { Node = new Node { Id = node } } });

    public void Open(CoordinatedPeer peer, Guid target) =>
        Core.Handle(peer, new CoordinateRequest { AddTunnel = new() { Id = PeerIds.Write(target) } });

    public void Remove(CoordinatedPeer peer, Guid target) =>
        Core.Handle(peer, new CoordinateRequest { RemoveTunnel = new() { Id = PeerIds.Write(target) } });

    public void Disconnect(CoordinatedPeer peer) => Core.Handle(peer, new CoordinateRequest { Disconnect = new() });

    public PendingWrite Take()
    {
        var write = Core.TakeWrite();
        Assert.NotNull(write);
        return write;
    }

    public (WriteAnswer Answer, Frame Frame) Commit(PendingWrite write)
    {
        var answer = _database.Commit(write, _names);
        return (answer, new Frame(_database.Generation, Name, ++_frames, write.Entries(answer.Claimed, EntryLimits.Default)));
    }

    /// <summary>Writes all that waits. Returns the frames for the other servers.</summary>
    public List<Frame> Write()
    {
        var frames = new List<Frame>();
        while (Core.TakeWrite() is { } write)
        {
            var (answer, frame) = Commit(write);
            frames.Add(frame);
            Core.Answer(write, answer);
        }

        return frames;
    }

    public void Hear(params IEnumerable<Frame> frames)
    {
        foreach (var frame in frames)
        {
            Core.Hear(frame.Generation, frame.Server, frame.Number, frame.Entries);
        }
    }

    /// <summary>Reads all that is to be read.</summary>
    public void Read()
    {
        while (Core.TakeRead() is { } read)
        {
            Answer(read);
        }
    }

    public void Answer(PendingRead read)
    {
        if (read is RowsRead rows)
        {
            Core.Answer(rows, _database.Read(rows));
        }
        else if (read is OpenersRead openers)
        {
            Core.Answer(openers, _database.Read(openers));
        }
    }

    /// <summary>What a peer was told since the last call.</summary>
    public List<string> Told(CoordinatedPeer peer)
    {
        var told = new List<string>();
        while (Core.Take(peer, out _) is { } response)
        {
            told.AddRange(response.PeerUpdates.Select(static update =>
                update.Kind == Kind.Node ? $"Node {update.Node.Id}" : update.Kind.ToString()));
            if (response.Error.Length > 0)
            {
                told.Add(response.Error);
            }
        }

        return told;
    }
}
