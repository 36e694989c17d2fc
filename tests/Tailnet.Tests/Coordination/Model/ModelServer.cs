using Tailnet.Coordination;
using Tailnet.Coordination.Shared;

namespace Tailnet.Tests.Coordination.Model;

/// <summary>A server: its core, its place on the bus, its one write under way and its reads, each of which is a step by itself.</summary>
internal sealed class ModelServer
{
    private static readonly EntryLimits Limits = new(Node: 16, Ids: 1);

    private readonly ModelWorld _world;
    private readonly HashSet<Guid> _names = [];
    private readonly List<Action> _reads = [];
    private readonly List<Action> _steps = [];
    private PendingWrite? _taken;
    private Action? _answer;
    private bool _mayWrite = true;
    private bool _mayRead = true;
    private Guid _generation;
    private long _number;
    private int _fencesSeen;

    public ModelServer(ModelWorld world)
    {
        _world = world;
        _fencesSeen = Database.Fenced.Count;
        Core = new CoordinatorCore(new CoordinatorOptions(), new Sharing(world.Time, Limits, () => _mayWrite = _mayRead = true));
        Begin();
    }

    public CoordinatorCore Core { get; }

    public Guid Name { get; private set; }

    public bool IsListening { get; private set; }

    public List<Frame> Inbox { get; } = [];

    public List<ModelClient> Clients { get; } = [];

    private ModelDatabase Database => _world.Database;

    private bool MustBegin => _generation != Database.Generation || Database.Fenced.Contains(Name);

    /// <summary>Whether all that it has written and read is of the present generation, under a name that was not fenced.</summary>
    public bool IsCurrent => !MustBegin;

    public void LoseListener()
    {
        IsListening = false;
        Core.Deafen();
    }

    public void Beat()
    {
        _number++;
        _world.Publish(this, new Frame(_generation, Name, _number, [new BeatEntry(_number)]), isSure: true);
    }

    public bool Judge()
    {
        var mayJudge = IsListening && !Core.NeedsResync;
        var didJudge = Core.Judge();
        Assert.True(mayJudge || !didJudge, "I4: judged while deaf");
        return didJudge;
    }

    /// <summary>Does one of the steps that are possible now. Returns false without any.</summary>
    public bool Step()
    {
        _steps.Clear();
        AddSteps();
        if (_steps.Count == 0)
        {
            return false;
        }

        var step = _steps[_world.Random.Next(_steps.Count)];
        _world.Trace?.Add($"{Name} {step.Method.Name}");
        step();
        return true;
    }

    /// <summary>Lets every client read what is there.</summary>
    public void Read(bool isCurrent)
    {
        for (var i = Clients.Count - 1; i >= 0; i--)
        {
            Clients[i].Read(isCurrent);
            if (Clients[i].IsOver)
            {
                Clients.RemoveAt(i);
            }
        }
    }

    private void AddSteps()
    {
        if (IsListening && Inbox.Count > 0)
        {
            _steps.Add(Hear);
        }

        if (_answer is not null)
        {
            _steps.Add(AnswerWrite);
        }
        else if (_taken is not null)
        {
            _steps.Add(Commit);
        }
        else if (MustBegin)
        {
            _steps.Add(Begin);
        }
        else if (_mayWrite)
        {
            _steps.Add(TakeWrite);
        }

        if (_mayRead)
        {
            _steps.Add(TakeRead);
        }

        if (_reads.Count > 0)
        {
            _steps.Add(AnswerRead);
        }

        if (!IsListening)
        {
            _steps.Add(Listen);
        }
        else if (Core.NeedsResync)
        {
            _steps.Add(Core.Resync);
        }

        if (_fencesSeen != Database.Fenced.Count)
        {
            _steps.Add(SeeFences);
        }
    }

    // A frame may be late, or come twice.
    private void Hear()
    {
        var chance = _world.IsLossy ? _world.Random.NextDouble() : 1;
        var at = chance < 0.15 ? _world.Random.Next(Inbox.Count) : 0;
        var frame = Inbox[at];
        if (chance is <= 0.10 or >= 0.20)
        {
            Inbox.RemoveAt(at);
        }

        _world.Trace?.Add($"{Name} hears {frame.Number} of {frame.Server}: {string.Join(", ", frame.Entries)}");
        if (!Core.Hear(frame.Generation, frame.Server, frame.Number, frame.Entries))
        {
            Inbox.Remove(frame);
        }
    }

    private void TakeWrite()
    {
        _taken = Core.TakeWrite();
        _mayWrite = _taken is not null;
    }

    private void Commit()
    {
        var write = _taken!;
        _taken = null;
        var chance = _world.Random.NextDouble();
        if (MustBegin || chance < 0.03)
        {
            // Refused by the database, or lost on the way: then its numbers are lost, too.
            _number += chance < 0.015 ? 1 : 0;
            _answer = () => Core.Fail(write);
            return;
        }

        var answer = Database.Commit(write, _names);
        var entries = write.Entries(answer.Claimed, Limits);
        _world.Trace?.Add($"{Name} commits {_number}+: {string.Join(", ", entries)}");
        foreach (var some in _world.Random.Next(3) == 0 ? entries.Chunk(1) : [[.. entries]])
        {
            _number++;
            _world.Publish(this, new Frame(_generation, Name, _number, some), isSure: false);
        }

        _answer = chance < 0.06 ? () => Core.Fail(write) : () => Core.Answer(write, answer);
    }

    private void AnswerWrite()
    {
        var answer = _answer!;
        _answer = null;
        answer();
    }

    private void TakeRead()
    {
        var read = Core.TakeRead();
        _mayRead = read is not null;
        if (read is null)
        {
            return;
        }

        if (_world.Random.NextDouble() < 0.02)
        {
            _reads.Add(() => Core.Fail(read));
        }
        else if (read is RowsRead rows)
        {
            var found = Database.Read(rows);
            _reads.Add(() => Core.Answer(rows, found));
        }
        else if (read is OpenersRead openers)
        {
            var found = Database.Read(openers);
            _reads.Add(() => Core.Answer(openers, found));
        }
    }

    private void AnswerRead()
    {
        var at = _world.Random.Next(_reads.Count);
        var answer = _reads[at];
        _reads.RemoveAt(at);
        answer();
    }

    private void Listen()
    {
        IsListening = true;
        if (!_world.IsLossy)
        {
            Inbox.Clear();
        }

        // The answer of a write under the earlier name may still come.
        if (_taken is null)
        {
            Begin();
        }

        Core.Resync();
    }

    private void Begin()
    {
        if (!MustBegin)
        {
            return;
        }

        if (Name == Guid.Empty || Database.Fenced.Contains(Name))
        {
            Name = Database.NewId();
            _names.Add(Name);
        }

        _number = 0;
        _generation = Database.Generation;
        Core.Start(_generation, Name);
    }

    private void SeeFences()
    {
        _fencesSeen = Database.Fenced.Count;
        Core.MissNews();
    }
}

/// <summary>A frame on the bus.</summary>
internal sealed record Frame(Guid Generation, Guid Server, long Number, IReadOnlyList<BusEntry> Entries);
