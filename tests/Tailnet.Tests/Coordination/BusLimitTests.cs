using Tailnet.Coordination.Shared;

namespace Tailnet.Tests.Coordination;

/// <summary>What is too large, or has too many ids, is refused by the writer, and by the reader whoever wrote it.</summary>
public sealed class BusLimitTests
{
    private const int Most = MoreEntry.MaxIds;
    private const long Max = long.MaxValue;

    private static readonly StateVersion Last = new(Max, Max);

    /// <summary>The largest entry of each kind, and its length.</summary>
    public static TheoryData<string, int> Largest => new()
    {
        { "NODE", 2087 },
        { "POINTER", 36 },
        { "CLAIM", 5683 },
        { "MORE", 3614 },
        { "SET", 3634 },
        { "MOVING", 36 },
        { "END", 28 },
        { "READY", 43 },
        { "BEAT", 11 },
        { "SERVER", 19 },
    };

    [Theory]
    [MemberData(nameof(Largest))]
    public void TheLargestEntryOfEachKindFitsIntoAFrame(string name, int length)
    {
        var entry = LargestOf(name);
        var frame = Assert.Single(BusFrame.Pack([entry]));
        Assert.Equal(length, frame.Length);
        Assert.InRange(frame.Length, 1, BusFrame.MaxEntries);
        Assert.True(BusEntryReader.TryRead(frame, out var entries));
        Assert.Equal(frame, BusEntryWriter.Write(Assert.Single(entries)));
    }

    [Fact]
    public void EveryKindHasALargestEntry() => Assert.Equal(Enum.GetValues<BusEntryKind>().Length, Largest.Count);

    [Fact]
    public void NothingIsPackedIntoNoFrame() => Assert.Empty(BusFrame.Pack([]));

    [Fact]
    public void TheReaderRefusesALargerNode()
    {
        byte[] most = [0x80, 0x10];
        byte[] more = [0x81, 0x10];
        Assert.True(IsRead(BusEntryKind.Node, Fields(16), [1, 1], most, Fields(2048)));
        Assert.False(IsRead(BusEntryKind.Node, Fields(16), [1, 1], more, Fields(2049)));
        Assert.True(IsRead(BusEntryKind.Claim, Fields(16), [1, 1], most, Fields(2048), [1, 1, 0]));
        Assert.False(IsRead(BusEntryKind.Claim, Fields(16), [1, 1], more, Fields(2049), [1, 1, 0]));
    }

    [Fact]
    public void TheReaderRefusesMoreIds()
    {
        byte[] most = [0xe0, 0x01];
        byte[] more = [0xe1, 0x01];
        Assert.True(IsRead(BusEntryKind.More, Fields(16), [1], most, Fields(Most * 16)));
        Assert.False(IsRead(BusEntryKind.More, Fields(16), [1], more, Fields((Most + 1) * 16)));
        Assert.True(IsRead(BusEntryKind.Claim, Fields(16), [1, 1, 0, 1, 1], most, Fields(Most * 16)));
        Assert.False(IsRead(BusEntryKind.Claim, Fields(16), [1, 1, 0, 1, 1], more, Fields((Most + 1) * 16)));
    }

    [Theory]
    [InlineData(Most, 0, true)]
    [InlineData(0, Most, true)]
    [InlineData(100, Most - 100, true)]
    [InlineData(100, Most - 99, false)]
    [InlineData(Most, 1, false)]
    [InlineData(1, Most, false)]
    [InlineData(Most + 1, 0, false)]
    public void TheIdsOfASetAreCountedTogether(int added, int removed, bool isLegal)
    {
        Assert.Equal(isLegal, IsRead(
            BusEntryKind.Set, Fields(16), [1, 2, 1], Count(added), Fields(added * 16), Count(removed), Fields(removed * 16)));
        var entry = new SetEntry(Guid.NewGuid(), Last, 1, new Guid[added], new Guid[removed]);
        Assert.Equal(isLegal, Record.Exception(() => BusEntryWriter.Write(entry)) is not ArgumentException);
    }

    [Fact]
    public void AnEntryCannotBeWrittenWithWhatNoReaderTakes()
    {
        BusEntry[] wrong =
        [
            new EndEntry(Guid.NewGuid(), 1, PeerState.Here),
            new EndEntry(Guid.NewGuid(), 1, (PeerState)4),
            new EndEntry(Guid.NewGuid(), -1, PeerState.Lost),
            new SetEntry(Guid.NewGuid(), Last, -2, [], []),
            new SetEntry(Guid.NewGuid(), new StateVersion(1, -1), 1, [], []),
            new ClaimEntry(Guid.NewGuid(), 1, 1, new byte[NodeEntry.MaxNode + 1], 1, []),
            new UnknownEntry(),
        ];
        Assert.All(wrong, static entry => Assert.Throws<ArgumentException>(() => BusEntryWriter.Write(entry)));
    }

    [Fact]
    public void ANumberMayBeLongerThanItHasToBe()
    {
        Assert.True(BusEntryReader.TryRead([9, 3, 0x87, 0x80, 0], out var entries));
        Assert.Equal(new BeatEntry(7), Assert.Single(entries));
    }

    // A later version may use it.
    [Theory]
    [InlineData(0)]
    [InlineData(11)]
    [InlineData(255)]
    public void AnUnknownKindIsSkippedAndCountsForNothing(byte kind)
    {
        Assert.True(BusEntryReader.TryRead([kind, 0, 9, 1, 7, kind, 2, 9, 1], out var entries));
        Assert.Equal(new BeatEntry(7), Assert.Single(entries));
        Assert.False(BusEntryReader.TryRead([9, 1, 7, kind, 3, 9, 1], out entries));
        Assert.Null(entries);
    }

    [Fact]
    public void MemoryIsBoundedByThePayload()
    {
        // Counts and lengths that promise far more than there is.
        byte[] huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        byte[][] payloads =
        [
            [(byte)BusEntryKind.More, 26, .. Fields(16), 1, .. huge],
            [(byte)BusEntryKind.Node, 27, .. Fields(16), 1, 1, .. huge],
            [(byte)BusEntryKind.More, .. huge],
            [200, .. huge],
        ];
        foreach (var payload in payloads)
        {
            Assert.InRange(Allocated(payload), 0, 200);
        }

        // The most entries, and unknown ones: two bytes each cost nothing.
        byte[] beats = [.. Enumerable.Repeat<byte[]>([9, 1, 7], BusFrame.MaxEntries / 3).SelectMany(static beat => beat)];
        byte[] unknown = [.. Enumerable.Repeat<byte[]>([99, 0], BusFrame.MaxEntries / 2).SelectMany(static entry => entry)];
        Assert.InRange(Allocated(beats), 40_000, 150_000);
        Assert.InRange(Allocated(unknown), 0, 200);
    }

    private static long Allocated(byte[] payload)
    {
        BusEntryReader.TryRead(payload, out _);
        var before = GC.GetAllocatedBytesForCurrentThread();
        BusEntryReader.TryRead(payload, out _);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static BusEntry LargestOf(string name)
    {
        var (peer, node, ids) = (Guid.NewGuid(), new byte[NodeEntry.MaxNode], new Guid[Most]);
        return name switch
        {
            "NODE" => new NodeEntry(peer, Last, node),
            "POINTER" => new PointerEntry(peer, Last),
            "CLAIM" => new ClaimEntry(peer, Max, Max, node, Max, ids),
            "MORE" => new MoreEntry(peer, Max, ids),
            "SET" => new SetEntry(peer, Last, SetEntry.NoBase, ids[..200], ids[200..]),
            "MOVING" => new MovingEntry(peer, Last),
            "END" => new EndEntry(peer, Max, PeerState.Lost),
            "READY" => new ReadyEntry(peer, Max, peer),
            "BEAT" => new BeatEntry(Max),
            _ => new ServerEntry(peer, ServerState.Fenced),
        };
    }

    private static bool IsRead(BusEntryKind kind, params byte[][] fields)
    {
        byte[] all = [.. fields.SelectMany(static field => field)];
        return BusEntryReader.TryRead([(byte)kind, .. Count(all.Length), .. all], out _);
    }

    private static byte[] Fields(int length) => [.. Enumerable.Range(0, length).Select(static value => (byte)value)];

    private static byte[] Count(int value) => value < 0x80 ? [(byte)value] : [(byte)(value | 0x80), (byte)(value >> 7)];

    private sealed record UnknownEntry : BusEntry;
}
