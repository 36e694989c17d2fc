using System.Security.Cryptography;
using System.Text;
using Tailnet.Coordination.Shared;

namespace Tailnet.Tests.Coordination;

public sealed class BusFrameTests
{
    private static readonly byte[] Secret = [.. Enumerable.Range(1, 32).Select(static value => (byte)value)];
    private static readonly Guid Generation = new("a1a2a3a4-a5a6-a7a8-a9aa-abacadaeafb0");
    private static readonly Guid Server = new("01020304-0506-0708-090a-0b0c0d0e0f10");
    private static readonly byte[] Beat = BusEntryWriter.Write(new BeatEntry(300));

    [Fact]
    public void AFrameIsOpenedByWhoKnowsTheSecret()
    {
        using var seal = new FrameSeal(Secret, Generation, Server);
        using var opener = new FrameOpener(Secret, Generation);
        foreach (var number in new[] { 1L, 2L, 3L })
        {
            Assert.Equal(FrameOutcome.Opened, opener.Open(seal.Seal(Beat), out var frame));
            Assert.Equal((Server, number), (frame!.Server, frame.Number));
            Assert.Equal(new BeatEntry(300), Assert.Single(frame.Entries));
        }

        using var stranger = new FrameOpener(new byte[32], Generation);
        Assert.Equal(FrameOutcome.Forged, stranger.Open(seal.Seal(Beat), out var none));
        Assert.Null(none);
        using var later = new FrameOpener(Secret, Guid.NewGuid());
        Assert.Equal(FrameOutcome.OtherGeneration, later.Open(seal.Seal(Beat), out _));
    }

    // Made by the description alone: docs/wire/coordination-bus.md.
    [Fact]
    public void AFrameIsMadeAsDescribed()
    {
        var salt = Server.ToByteArray(bigEndian: true);
        byte[] info = [.. Encoding.ASCII.GetBytes("edge tailnet bus 1"), .. Generation.ToByteArray(bigEndian: true)];
        using var cipher = new AesGcm(HKDF.DeriveKey(HashAlgorithmName.SHA256, Secret, 32, salt, info), 16);
        byte[] header = [1, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, .. salt, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        byte[] nonce = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        var (entries, tag) = (new byte[Beat.Length], new byte[16]);
        cipher.Encrypt(nonce, Beat, entries, tag, header);
        using var seal = new FrameSeal(Secret, Generation, Server);
        Assert.Equal(Convert.ToBase64String([.. header, .. entries, .. tag]), seal.Seal(Beat));
    }

    [Fact]
    public void ANumberThatWasNotSentIsUsedAgainInAnotherAttempt()
    {
        using var seal = new FrameSeal(Secret, Generation, Server);
        using var opener = new FrameOpener(Secret, Generation);
        var nonces = new HashSet<string>();
        var numbers = new List<long>();
        var random = new Random(5);
        for (var i = 0; i < 1000; i++)
        {
            var text = seal.Seal(Beat);
            Assert.Equal(FrameOutcome.Opened, opener.Open(text, out var frame));
            numbers.Add(frame!.Number);
            Assert.True(nonces.Add(Convert.ToHexString(Convert.FromBase64String(text).AsSpan(25, 12))), "a nonce was used twice");
            if (random.Next(3) == 0)
            {
                seal.Sent();
            }
            else if (random.Next(3) == 0)
            {
                seal.NotSent();
            }
        }

        Assert.True(numbers.Distinct().Count() < numbers.Count, "no number was used again");
        seal.Sent();
        var last = seal.Last;
        seal.NotSent();
        opener.Open(seal.Seal(Beat), out var next);
        Assert.Equal(last + 1, next!.Number);
    }

    [Fact]
    public void AFrameOfAnotherGenerationHasAnotherKey()
    {
        using var seal = new FrameSeal(Secret, Generation, Server);
        using var next = new FrameSeal(Secret, Guid.NewGuid(), Server);
        var (one, other) = (Convert.FromBase64String(seal.Seal(Beat)), Convert.FromBase64String(next.Seal(Beat)));
        Assert.Equal(one[25..37], other[25..37]);
        Assert.NotEqual(one[37..(37 + Beat.Length)], other[37..(37 + Beat.Length)]);
    }

    [Fact]
    public void EveryChangedBitIsRefused()
    {
        using var seal = new FrameSeal(Secret, Generation, Server);
        using var opener = new FrameOpener(Secret, Generation);
        var bytes = Convert.FromBase64String(seal.Seal(Beat));
        Assert.Equal(FrameOutcome.Opened, opener.Open(Convert.ToBase64String(bytes), out _));
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            var expected = bit switch
            {
                < 8 => FrameOutcome.OtherProtocol,
                < 72 => FrameOutcome.OtherGeneration,
                _ => FrameOutcome.Forged,
            };
            Assert.Equal(expected, opener.Open(Convert.ToBase64String(bytes), out var frame));
            Assert.Null(frame);
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.NotEqual(FrameOutcome.Opened, opener.Open(Convert.ToBase64String(bytes.AsSpan(0, length)), out _));
        }
    }

    [Fact]
    public void AFrameHasOneText()
    {
        using var seal = new FrameSeal(Secret, Generation, Server);
        using var opener = new FrameOpener(Secret, Generation);
        var text = seal.Seal(BusEntryWriter.Write(new BeatEntry(3)));
        Assert.EndsWith("==", seal.Seal([9, 1]), StringComparison.Ordinal);
        string[] wrong =
        [
            "", "a", text[..^1], text + "=", " " + text, text + "\n", text.Insert(8, "\r\n"), "ä" + text[1..],
            new('A', 8000), new('A', 1_000_000),
        ];
        Assert.All(wrong, other => Assert.Equal(FrameOutcome.Malformed, opener.Open(other, out _)));

        // The last character before the padding has bits that no byte has.
        var padded = seal.Seal([9, 1]);
        var last = padded[^3];
        Assert.Equal(FrameOutcome.Malformed, opener.Open($"{padded[..^3]}{(char)(last + 1)}==", out _));
    }

    [Fact]
    public void TheLargestFrameFitsIntoANotice()
    {
        using var seal = new FrameSeal(Secret, Generation, Server);
        Assert.InRange(seal.Seal(new byte[BusFrame.MaxEntries]).Length, 7000, BusFrame.MaxText);
        Assert.Throws<ArgumentException>(() => seal.Seal(new byte[BusFrame.MaxEntries + 1]));
    }

    [Fact]
    public void EntriesThatCannotBeReadAreAnOutcomeOfTheirOwn()
    {
        using var seal = new FrameSeal(Secret, Generation, Server);
        using var opener = new FrameOpener(Secret, Generation);
        Assert.Equal(FrameOutcome.Unreadable, opener.Open(seal.Seal([.. Beat, 1, 0]), out var frame));
        Assert.Null(frame);
    }

    [Fact]
    public void TheKeysOfTheLastSendersAreKeptAndForgeriesDisplaceNone()
    {
        using var opener = new FrameOpener(Secret, Generation);
        FrameSeal[] seals = [.. Enumerable.Range(0, FrameOpener.MaxSenders + 10).Select(static _ => NewSeal())];
        foreach (var seal in seals)
        {
            Assert.Equal(FrameOutcome.Opened, opener.Open(seal.Seal(Beat), out _));
        }

        Assert.Equal(FrameOpener.MaxSenders, opener.SenderCount);
        using var other = new FrameOpener(Secret, Generation);
        Assert.Equal(FrameOutcome.Opened, other.Open(seals[0].Seal(Beat), out _));
        for (var i = 0; i < 200; i++)
        {
            using var forger = new FrameSeal(new byte[32], Generation, Guid.NewGuid());
            Assert.Equal(FrameOutcome.Forged, other.Open(forger.Seal(Beat), out _));
        }

        Assert.Equal(1, other.SenderCount);
        Assert.All(seals, seal => Assert.Equal(FrameOutcome.Opened, other.Open(seal.Seal(Beat), out _)));
        Array.ForEach(seals, static seal => seal.Dispose());
    }

    private static FrameSeal NewSeal() => new(Secret, Generation, Guid.NewGuid());
}
