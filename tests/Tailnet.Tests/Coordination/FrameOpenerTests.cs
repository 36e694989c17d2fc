using Tailnet.Coordination.Shared;

namespace Tailnet.Tests.Coordination;

/// <summary>The senders that an opener keeps, what a frame says without its key, and texts that nobody sealed.</summary>
public sealed class FrameOpenerTests : IDisposable
{
    private static readonly byte[] Secret = [.. Enumerable.Range(1, 32).Select(static value => (byte)value)];
    private static readonly Guid Generation = new("a1a2a3a4-a5a6-a7a8-a9aa-abacadaeafb0");
    private static readonly Guid Server = new("01020304-0506-0708-090a-0b0c0d0e0f10");
    private static readonly byte[] Beat = BusEntryWriter.Write(new BeatEntry(300));

    private readonly FrameSeal _seal = new(Secret, Generation, Server);
    private readonly FrameOpener _opener = new(Secret, Generation);

    public void Dispose()
    {
        _seal.Dispose();
        _opener.Dispose();
    }

    [Fact]
    public void AHeaderTellsSenderAndNumber()
    {
        _seal.Seal(Beat);
        var text = _seal.Seal(Beat);
        Assert.True(_opener.TryPeek(text, out var server, out var number));
        Assert.Equal((Server, 2L), (server, number));
        Assert.Equal(0, _opener.SenderCount);

        // Nothing proves it.
        using var stranger = new FrameSeal(new byte[32], Generation, Server);
        Assert.True(_opener.TryPeek(stranger.Seal([]), out server, out _));
        Assert.Equal(Server, server);
    }

    [Fact]
    public void AHeaderOfNoFrameOfThisGenerationTellsNothing()
    {
        var text = _seal.Seal(Beat);
        using var later = new FrameSeal(Secret, Guid.NewGuid(), Server);
        using var empty = new FrameOpener(Secret, Generation);
        string[] wrong =
        [
            "", text[..44], _seal.Seal([])[..^4], later.Seal(Beat), Changed(text, 0, 1), Sealed(0), Sealed(-1), "*" + text[1..],
            " " + text, "    " + text, text.Insert(8, "\r\n"), new string('=', 72), new string(' ', 200), text + new string('A', 8000),
        ];
        foreach (var other in wrong)
        {
            Assert.False(empty.TryPeek(other, out var server, out var number), other);
            Assert.Equal((Guid.Empty, 0L), (server, number));
            Assert.NotEqual(FrameOutcome.Opened, empty.Open(other, out _));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void NoServerSendsANumberBelowOne(long number) =>
        Assert.Equal(FrameOutcome.Forged, _opener.Open(Sealed(number), out _));

    [Fact]
    public void AnotherGenerationWithTheSameFirstHalfHasAnotherKey()
    {
        var similar = new Guid([.. Generation.ToByteArray(bigEndian: true)[..8], 1, 2, 3, 4, 5, 6, 7, 8], bigEndian: true);
        using var later = new FrameSeal(Secret, similar, Server);
        Assert.Equal(FrameOutcome.Forged, _opener.Open(later.Seal(Beat), out _));
    }

    // A key that is kept is not derived again: opening allocates less.
    [Fact]
    public void TheSenderThatWasHeardLongestAgoIsDisplaced()
    {
        var seals = Fill();
        var known = Cost(seals[0]);
        var added = NewSeal();
        Assert.True(Cost(added) > known, "a new sender costs as much as a known one");
        Assert.Equal(FrameOpener.MaxSenders, _opener.SenderCount);
        foreach (var seal in seals.Where((_, i) => i != 1).Append(added))
        {
            Assert.Equal(known, Cost(seal));
        }

        Assert.True(Cost(seals[1]) > known, "another sender than the second was displaced");
        Array.ForEach([.. seals, added], static seal => seal.Dispose());
    }

    [Fact]
    public void ForgeriesDisplaceNobodyWhenAllPlacesAreTaken()
    {
        var seals = Fill();
        var known = Cost(seals[0]);
        for (var i = 0; i < 100; i++)
        {
            using var forger = new FrameSeal(new byte[32], Generation, Guid.NewGuid());
            Assert.Equal(FrameOutcome.Forged, _opener.Open(forger.Seal(Beat), out _));
            Assert.Equal(FrameOpener.MaxSenders, _opener.SenderCount);
        }

        Assert.All(seals, seal => Assert.Equal(known, Cost(seal)));
        Array.ForEach(seals, static seal => seal.Dispose());
    }

    // Forged frames with a known sender's id do not make it look alive.
    [Fact]
    public void ForgeriesKeepNobody()
    {
        var seals = Fill();
        var known = Cost(seals[1]);
        _opener.Open(Changed(seals[0].Seal(Beat), 40, 1), out _);
        using var added = NewSeal();
        Cost(added);
        Assert.True(Cost(seals[0]) > known, "another sender was displaced");
        Array.ForEach(seals, static seal => seal.Dispose());
    }

    [Fact]
    public void ForeignTextsCostNoMemory()
    {
        using var later = new FrameSeal(Secret, Guid.NewGuid(), Server);
        var text = _seal.Seal(new byte[BusFrame.MaxEntries]);
        string[] foreign =
        [
            "", new('A', 10_000_000), new(' ', BusFrame.MaxText), new('A', BusFrame.MaxText), text[..^1] + "*",
            later.Seal(new byte[BusFrame.MaxEntries]), Changed(text, 0, 1), Sealed(0),
        ];
        foreach (var other in foreign)
        {
            Assert.Equal(0, Allocated(() => _opener.Open(other, out _)));
            Assert.Equal(0, Allocated(() => _opener.TryPeek(other, out _, out _)));
        }

        Assert.Equal(0, Allocated(() => _opener.TryPeek(text, out _, out _)));
        Assert.InRange(Allocated(() => _opener.Open(Changed(text, 40, 1), out _)), 1, 100_000);
    }

    [Fact]
    public void ChangedTextsNeverThrow()
    {
        var random = new Random(13);
        const string Alphabet = "ABCDwxyz0189+/=* \n\0\u00e4";
        var outcomes = new Dictionary<FrameOutcome, int>();
        string[] texts = [_seal.Seal(Beat), _seal.Seal([]), _seal.Seal(BusFrame.Pack([new MoreEntry(Server, 5, new Guid[9])])[0])];
        for (var i = 0; i < 10_000; i++)
        {
            var text = texts[random.Next(texts.Length)].ToList();
            for (var changes = random.Next(3); changes > 0; changes--)
            {
                var at = random.Next(text.Count);
                switch (random.Next(8))
                {
                    case 0:
                        text.RemoveAt(at);
                        break;
                    case 1:
                        text.Insert(at, Alphabet[random.Next(Alphabet.Length)]);
                        break;
                    default:
                        text[at] = Alphabet[random.Next(Alphabet.Length)];
                        break;
                }
            }

            string changed = new([.. text]);
            var outcome = _opener.Open(changed, out var frame);
            Assert.Equal(outcome is FrameOutcome.Opened, frame is not null);
            Assert.True(outcome is not FrameOutcome.Opened || texts.Contains(changed), "a changed frame was opened");
            Assert.True(outcome is not FrameOutcome.Opened || _opener.TryPeek(changed, out _, out _), "no header of a good frame");
            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
        }

        Assert.All(
            [FrameOutcome.Opened, FrameOutcome.Malformed, FrameOutcome.OtherGeneration, FrameOutcome.Forged],
            outcome => Assert.True(outcomes.GetValueOrDefault(outcome) > 100, $"{outcome} is rare"));
        Assert.Equal(1, _opener.SenderCount);
    }

    [Fact]
    public void ADisposedOpenerOpensNothing()
    {
        using var seal = new FrameSeal(new byte[Secret.Length], Generation, Server);
        _opener.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _opener.Open(seal.Seal(Beat), out _));
    }

    private FrameSeal[] Fill()
    {
        FrameSeal[] seals = [.. Enumerable.Range(0, FrameOpener.MaxSenders).Select(static _ => NewSeal())];
        foreach (var seal in seals)
        {
            Assert.Equal(FrameOutcome.Opened, _opener.Open(seal.Seal(Beat), out _));
        }

        Assert.Equal(FrameOpener.MaxSenders, _opener.SenderCount);
        return seals;
    }

    private static FrameSeal NewSeal() => new(Secret, Generation, Guid.NewGuid());

    private long Cost(FrameSeal seal)
    {
        var text = seal.Seal(Beat);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var outcome = _opener.Open(text, out _);
        var cost = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(FrameOutcome.Opened, outcome);
        return cost;
    }

    private static long Allocated(Action action)
    {
        action();
        var before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static string Changed(string text, int at, byte bits)
    {
        var bytes = Convert.FromBase64String(text);
        bytes[at] ^= bits;
        return Convert.ToBase64String(bytes);
    }

    /// <summary>A frame with the right tag and any number.</summary>
    private static string Sealed(long number)
    {
        var frame = new byte[BusFrame.HeaderLength + Beat.Length + BusFrame.TagLength];
        var header = frame.AsSpan(0, BusFrame.HeaderLength);
        BusFrame.WriteHeader(header, Generation, Server, number, 0);
        var nonce = new byte[12];
        BusFrame.WriteNonce(nonce, header);
        using var cipher = FrameKey.Derive(Secret, Generation, Server);
        cipher.Encrypt(nonce, Beat, frame.AsSpan(BusFrame.HeaderLength, Beat.Length), frame.AsSpan(^BusFrame.TagLength), header);
        return Convert.ToBase64String(frame);
    }
}
