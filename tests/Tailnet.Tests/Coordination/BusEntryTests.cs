using Tailnet.Coordination.Shared;

namespace Tailnet.Tests.Coordination;

public sealed class BusEntryTests
{
    private static readonly Guid One = new("01020304-0506-0708-090a-0b0c0d0e0f10");
    private static readonly Guid Other = new("11121314-1516-1718-191a-1b1c1d1e1f20");
    private const string OneHex = "0102030405060708090a0b0c0d0e0f10";
    private const string OtherHex = "1112131415161718191a1b1c1d1e1f20";

    /// <summary>The entries of the document docs/wire/coordination-bus.md.</summary>
    public static TheoryData<string, string> Examples => new()
    {
        { "NODE", $"01 16 {OneHex} 05 ac02 02 0807" },
        { "POINTER", $"02 13 {OneHex} 05 ac02" },
        { "CLAIM", $"03 28 {OneHex} 05 01 02 0807 03 01 01 {OtherHex}" },
        { "CLAIM, not whole", $"03 16 {OneHex} 05 00 00 03 00 00" },
        { "MORE", $"04 22 {OneHex} 05 01 {OtherHex}" },
        { "SET", $"05 25 {OneHex} 05 03 02 01 {OtherHex} 00" },
        { "SET without a base", $"05 1e {OneHex} 05 03 ffffffffffffffffff01 00 00" },
        { "MOVING", $"06 13 {OneHex} 05 ac02" },
        { "END", $"07 12 {OneHex} 05 02" },
        { "READY", $"08 21 {OneHex} 05 {OtherHex}" },
        { "BEAT", "09 02 ac02" },
        { "SERVER", $"0a 11 {OneHex} 03" },
    };

    [Theory]
    [MemberData(nameof(Examples))]
    public void AnEntryHasTheseBytes(string name, string hex)
    {
        var bytes = Bytes(hex);
        Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(BusEntryWriter.Write(Example(name))));
        AssertSame(Example(name), Assert.Single(Read(bytes)!));
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public void EveryTruncationIsRefused(string name, string hex)
    {
        Assert.NotEmpty(name);
        var bytes = Bytes(hex);
        for (var length = 1; length < bytes.Length; length++)
        {
            Assert.Null(Read(bytes[..length]));

            // The same with a length that fits: fields are missing.
            if (length > 2)
            {
                Assert.Null(Read([bytes[0], (byte)(length - 2), .. bytes[2..length]]));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public void BytesBehindTheKnownFieldsAndUnknownKindsAreSkipped(string name, string hex)
    {
        var bytes = Bytes(hex);
        byte[] longer = [bytes[0], (byte)(bytes[1] + 3), .. bytes[2..], 1, 2, 3];
        byte[] unknown = [77, 2, 1, 2];
        var entries = Read([.. unknown, .. longer, .. unknown, .. bytes])!;
        Assert.Equal(2, entries.Count);
        Assert.All(entries, entry => AssertSame(Example(name), entry));
    }

    [Theory]
    [InlineData("07 12 0102030405060708090a0b0c0d0e0f10 05 00", "END of a peer that is here")]
    [InlineData("07 12 0102030405060708090a0b0c0d0e0f10 05 01", "END of a moving peer")]
    [InlineData("07 12 0102030405060708090a0b0c0d0e0f10 05 04", "an unknown state")]
    [InlineData("0a 11 0102030405060708090a0b0c0d0e0f10 04", "an unknown state of a server")]
    [InlineData("09 0b ffffffffffffffffffff01", "a number of eleven bytes")]
    [InlineData("09 0a ffffffffffffffffff01", "a number above the greatest bigint")]
    [InlineData("09 0a ffffffffffffffffff02", "a number of 65 bits")]
    [InlineData("05 1e 0102030405060708090a0b0c0d0e0f10 05 03 feffffffffffffffff01 00 00", "a base above the greatest bigint")]
    [InlineData("03 16 0102030405060708090a0b0c0d0e0f10 05 00 00 03 02 00", "neither whole nor not")]
    [InlineData("03 26 0102030405060708090a0b0c0d0e0f10 05 00 00 03 00 01 1112131415161718191a1b1c1d1e1f20", "not whole, with ids")]
    [InlineData("04 13 0102030405060708090a0b0c0d0e0f10 05 e101", "more ids than an entry has")]
    public void WhatNoServerWritesIsRefused(string hex, string what) => Assert.True(Read(Bytes(hex)) is null, what);

    [Fact]
    public void TheLargestEntriesFitIntoAFrame()
    {
        Guid[] ids = [.. Enumerable.Range(0, MoreEntry.MaxIds).Select(static _ => Guid.NewGuid())];
        var version = new StateVersion(long.MaxValue, long.MaxValue);
        BusEntry[] largest =
        [
            new NodeEntry(One, version, new byte[NodeEntry.MaxNode]),
            new ClaimEntry(One, long.MaxValue, long.MaxValue, new byte[NodeEntry.MaxNode], long.MaxValue, ids),
            new MoreEntry(One, long.MaxValue, ids),
            new SetEntry(One, version, long.MaxValue, ids[..100], ids[100..]),
        ];
        foreach (var entry in largest)
        {
            AssertSame(entry, Assert.Single(Read(Assert.Single(BusFrame.Pack([entry])))!));
        }
    }

    [Fact]
    public void WhatDoesNotFitIntoAnEntryIsTheWritersFault()
    {
        var ids = new Guid[MoreEntry.MaxIds + 1];
        BusEntry[] wrong =
        [
            new NodeEntry(One, default, new byte[NodeEntry.MaxNode + 1]),
            new ClaimEntry(One, 1, 1, default, 1, ids),
            new MoreEntry(One, 1, ids),
            new SetEntry(One, default, 0, ids[..200], ids[200..]),
            new EndEntry(One, 1, PeerState.Moving),
            new BeatEntry(-1),
            new ServerEntry(One, (ServerState)9),
        ];
        Assert.All(wrong, static entry => Assert.Throws<ArgumentException>(() => BusEntryWriter.Write(entry)));
    }

    [Fact]
    public void RandomEntriesAreReadAsTheyWereWrittenInOrderAndInFewFrames()
    {
        var random = new Random(7);
        BusEntry[] entries = [.. Enumerable.Range(0, 10_000).Select(_ => RandomEntry(random))];
        var frames = BusFrame.Pack(entries);
        var read = frames.SelectMany(static frame => Read(frame)!).ToArray();
        Assert.Equal(entries.Length, read.Length);
        for (var i = 0; i < entries.Length; i++)
        {
            AssertSame(entries[i], read[i]);
        }

        Assert.All(frames, static frame => Assert.InRange(frame.Length, 1, BusFrame.MaxEntries));
        for (var i = 1; i < frames.Count; i++)
        {
            var first = BusEntryWriter.Write(Read(frames[i])![0]);
            Assert.True(frames[i - 1].Length + first.Length > BusFrame.MaxEntries, "there was room in the frame before");
        }
    }

    [Fact]
    public void RandomBytesNeverThrow()
    {
        var random = new Random(11);
        var isRead = 0;
        for (var i = 0; i < 200_000; i++)
        {
            var bytes = BusEntryWriter.Write(RandomEntry(random, most: 3));
            for (var changes = random.Next(4); changes > 0; changes--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            isRead += Read(bytes) is null ? 0 : 1;
        }

        Assert.InRange(isRead, 50_000, 199_000);
    }

    private static BusEntry Example(string name) => name switch
    {
        "NODE" => new NodeEntry(One, new StateVersion(5, 300), new byte[] { 8, 7 }),
        "POINTER" => new PointerEntry(One, new StateVersion(5, 300)),
        "CLAIM" => new ClaimEntry(One, 5, 1, new byte[] { 8, 7 }, 3, [Other]),
        "CLAIM, not whole" => new ClaimEntry(One, 5, 0, default, 3, null),
        "MORE" => new MoreEntry(One, 5, [Other]),
        "SET" => new SetEntry(One, new StateVersion(5, 3), 2, [Other], []),
        "SET without a base" => new SetEntry(One, new StateVersion(5, 3), SetEntry.NoBase, [], []),
        "MOVING" => new MovingEntry(One, new StateVersion(5, 300)),
        "END" => new EndEntry(One, 5, PeerState.Lost),
        "READY" => new ReadyEntry(One, 5, Other),
        "BEAT" => new BeatEntry(300),
        _ => new ServerEntry(One, ServerState.Fenced),
    };

    private static BusEntry RandomEntry(Random random, int most = 40)
    {
        var version = new StateVersion(Number(), Number());
        return random.Next(10) switch
        {
            0 => new NodeEntry(Id(), version, Node()),
            1 => new PointerEntry(Id(), version),
            2 => new ClaimEntry(Id(), Number(), Number(), Node(), Number(), random.Next(3) == 0 ? null : Ids()),
            3 => new MoreEntry(Id(), Number(), Ids()),
            4 => new SetEntry(Id(), version, random.Next(3) == 0 ? SetEntry.NoBase : Number(), Ids(), Ids()),
            5 => new MovingEntry(Id(), version),
            6 => new EndEntry(Id(), Number(), (PeerState)random.Next(2, 4)),
            7 => new ReadyEntry(Id(), Number(), Id()),
            8 => new BeatEntry(Number()),
            _ => new ServerEntry(Id(), (ServerState)random.Next(4)),
        };

        long Number() => random.Next(4) switch { 0 => 0, 1 => random.Next(300), 2 => long.MaxValue, _ => random.NextInt64() };

        Guid Id()
        {
            var bytes = new byte[16];
            random.NextBytes(bytes);
            return new Guid(bytes);
        }

        Guid[] Ids() => [.. Enumerable.Range(0, random.Next(most)).Select(_ => Id())];

        byte[] Node()
        {
            var bytes = new byte[random.Next(most * 20)];
            random.NextBytes(bytes);
            return bytes;
        }
    }

    private static List<BusEntry>? Read(byte[] bytes) => BusEntryReader.TryRead(bytes, out var entries) ? entries : null;

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

    // Records compare lists and memory by reference.
    private static void AssertSame(BusEntry expected, BusEntry actual)
    {
        Assert.Equal(expected.GetType(), actual.GetType());
        Assert.Equal(BusEntryWriter.Write(expected), BusEntryWriter.Write(actual));
    }
}
