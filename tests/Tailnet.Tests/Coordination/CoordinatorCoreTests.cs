using Tailnet.Coordination.Shared;
using Tailnet.Tests.Coordination.Model;

namespace Tailnet.Tests.Coordination;

/// <summary>
/// Orders of events that the model test meets rarely or never, each for a rule of shared coordination that nothing else shows: the model's
/// mutants without these rules fail here.
/// </summary>
public sealed class CoordinatorCoreTests
{
    private static readonly Guid PeerId = Guid.Parse("01020304-0506-0708-090a-0b0c0d0e0f10");
    private static readonly Guid ReaderId = Guid.Parse("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
    private static readonly Guid TargetId = Guid.Parse("11111111-2222-3333-4444-555555555555");

    private readonly ManualTimeProvider _time = new();
    private readonly ModelDatabase _database = new();
    private readonly SteppedServer _here;
    private readonly SteppedServer _there;

    public CoordinatorCoreTests()
    {
        _here = new SteppedServer(_database, _time);
        _there = new SteppedServer(_database, _time);
    }

    private ModelRow Row => _database.Rows[PeerId];

    [Fact]
    public void ATunnelThatTheNewerConnectionHasRemovedDoesNotComeBackWithTheOldersChanges()
    {
        var first = _here.Connect(PeerId);
        _here.Write();
        _here.Open(first, TargetId);
        var second = _there.Connect(PeerId);
        _there.Open(second, TargetId);
        _there.Write();
        _there.Remove(second, TargetId);
        _there.Write();

        // This server has heard nothing of the second connection, and has not written the first one's tunnel.
        _here.Connect(PeerId);
        _here.Write();

        Assert.Equal(_here.Name, Row.Server);
        Assert.Empty(Row.Targets);
        Assert.Empty(_here.Core.TunnelsOf(PeerId));
    }

    [Fact]
    public void AConnectionThatEndedBeforeItsClaimEndsNoNewerOneElsewhere()
    {
        var ended = _here.Connect(PeerId);
        var failed = _here.Take();
        _there.Connect(PeerId);
        _there.Write();
        _here.Core.Fail(failed);
        _here.Core.Lose(ended);

        _here.Write();

        Assert.Equal((_there.Name, PeerState.Here), (Row.Server, Row.State));
    }

    [Fact]
    public void AnswersToReadsOfAnEarlierResyncEndNoLaterOne()
    {
        _here.Connect(PeerId);
        _here.Write();
        _here.Read();
        Assert.True(_here.Core.IsWell);

        var earlier = Resync();
        var later = Resync();
        earlier.ForEach(_here.Answer);
        Assert.False(_here.Core.IsWell);
        later.ForEach(_here.Answer);
        Assert.True(_here.Core.IsWell);

        List<PendingRead> Resync()
        {
            _here.Core.Resync();
            List<PendingRead> reads = [];
            while (_here.Core.TakeRead() is { } read)
            {
                reads.Add(read);
            }

            Assert.NotEmpty(reads);
            return reads;
        }
    }

    [Fact]
    public void AnAnswerUnderAnEarlierNameConfirmsNothing()
    {
        _here.Connect(PeerId);
        var write = _here.Take();
        var (answer, _) = _here.Commit(write);
        _database.Fence(_here.Name);
        _here.Start();

        // The fence has ended the row that this answer is about.
        _here.Core.Answer(write, answer);
        _here.Write();

        Assert.Equal((_here.Name, PeerState.Here), (Row.Server, Row.State));
    }

    [Fact]
    public void AMovingPeersNodeIsReadWhereItsLastOneWasNotHeard()
    {
        var reader = _here.Connect(ReaderId);
        _here.Open(reader, PeerId);
        var peer = _there.Connect(PeerId);
        _there.Tell(peer, 1);
        _here.Hear(_there.Write());
        _here.Read();
        Assert.Equal(["Node 1"], _here.Told(reader));

        _there.Tell(peer, 2);
        _there.Write();
        _there.Core.Move(peer);
        _here.Hear(_there.Write());
        _here.Read();

        Assert.Equal(["Node 2"], _here.Told(reader));
    }

    [Fact]
    public void AMovingPeersLastTunnelIsWritten()
    {
        var peer = _here.Connect(PeerId);
        _here.Write();
        _here.Open(peer, TargetId);
        _here.Core.Move(peer);
        _here.Write();

        Assert.Equal(PeerState.Moving, Row.State);
        Assert.Equal([TargetId], Row.Targets);
    }

    /// <summary>The claim of the newer connection was missed. The gap leads to a resync, too, but up to a second later.</summary>
    [Fact]
    public void APeerIsReadAtOnceWhenItsConnectionIsOverruled()
    {
        var older = _here.Connect(PeerId);
        _here.Write();
        _here.Read();
        var newer = _there.Connect(PeerId);
        _there.Write();
        _there.Tell(newer, 1);
        _here.Hear(_there.Write());

        Assert.Equal(["peer ID overwritten by new connection"], _here.Told(older));
        var read = Assert.IsType<RowsRead>(_here.Core.TakeRead());
        Assert.Equal(PeerId, Assert.Single(read.Peers).Id);
    }

    [Fact]
    public void NeighboursOfANewerConnectionHearOfItWhenItWasHeardBeforeTheOldersAnswer()
    {
        var reader = _here.Connect(ReaderId);
        _here.Write();
        var older = _here.Connect(PeerId);
        var write = _here.Take();
        var (answer, _) = _here.Commit(write);
        var newer = _there.Connect(PeerId);
        _there.Open(newer, ReaderId);
        _there.Tell(newer, 5);
        _here.Hear(_there.Write());

        _here.Core.Answer(write, answer);

        Assert.True(older.IsOver);
        Assert.Equal(["Node 5"], _here.Told(reader));
    }

    [Fact]
    public void AConnectionThatIsLostBeforeItsClaimIsLostWhateverTheOneBeforeItSaid()
    {
        var reader = _here.Connect(ReaderId);
        _here.Open(reader, PeerId);
        var before = _there.Connect(PeerId);
        _there.Tell(before, 1);
        _here.Hear(_there.Write());
        Assert.Equal(["Node 1"], _here.Told(reader));
        _there.Disconnect(before);
        _here.Hear(_there.Write());
        Assert.Equal(["Disconnected"], _here.Told(reader));

        var peer = _here.Connect(PeerId);
        _here.Tell(peer, 2);
        Assert.Equal(["Node 2"], _here.Told(reader));
        _here.Core.Lose(peer);

        Assert.Equal(["Lost"], _here.Told(reader));
    }

    /// <summary>While the connection was here, a read put nothing in doubt. So its peer is read once more when it has gone.</summary>
    [Fact]
    public void APeerWithoutARowIsInDoubtAfterAConnectionThatWasNeverClaimed()
    {
        var reader = _here.Connect(ReaderId);
        _here.Open(reader, PeerId);
        var elsewhere = _there.Connect(PeerId);
        _there.Tell(elsewhere, 1);
        _here.Hear(_there.Write());
        var peer = _here.Connect(PeerId);
        _database.Crash();
        _here.Start();
        _here.Read();
        Assert.Equal(["Node 1"], _here.Told(reader));

        _here.Core.Lose(peer);
        _here.Read();
        _time.Advance(TimeSpan.FromSeconds(20));

        Assert.True(_here.Core.Judge());
        Assert.Equal(["Lost"], _here.Told(reader)[^1..]);
    }

    [Fact]
    public void AnOpenerOfATunnelIsReadAlsoWhileItHasAConnectionHereThatIsNotClaimed()
    {
        var elsewhere = _there.Connect(PeerId);
        _there.Open(elsewhere, ReaderId);
        _there.Tell(elsewhere, 1);
        _there.Write();
        var peer = _here.Connect(PeerId);
        var reader = _here.Connect(ReaderId);
        _here.Read();
        _here.Core.Lose(peer);

        Assert.Equal(["Node 1"], _here.Told(reader));
    }

    [Fact]
    public void APeerWhoseChangesWentWithAClaimIsWrittenAgainAtItsNextChange()
    {
        var peer = _here.Connect(PeerId);
        _here.Write();
        _here.Tell(peer, 1);
        _database.Fence(_here.Name);
        _here.Start();
        _here.Write();
        _here.Tell(peer, 2);

        var node = Assert.Single(_here.Take().Nodes);
        Assert.Equal(2, node.Node.Message.Id);
    }
}
