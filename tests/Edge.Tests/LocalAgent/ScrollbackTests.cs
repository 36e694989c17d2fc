using System.Text;
using FsCheck;
using FsCheck.Fluent;
using LocalAgent.Terminals;

namespace Edge.Tests.LocalAgent;

/// <summary>The output that a terminal replays never begins in the middle of a character or an escape sequence.</summary>
public class ScrollbackTests
{
    // Whole pieces of output: a replay must begin with one of them.
    private static readonly string[] Pieces =
    [
        "a", "\r", "\n", "é", "漢", "😀", "\x1b[31m", "\x1b[?2004h", "\x1b[38;2;1;2;3m", "\x1b]0;title é\x07", "\x1b]8;;http://x\x1b\\",
        "\x1bPq#0~\x1b\\", "\x1b(B", "\x1b=", "\x1bOA",
    ];

    [Fact]
    public void AReplayBeginsAtTheOldestPieceThatIsStillWhole()
    {
        var piece = Gen.Elements(Pieces).ListOf();
        Prop.ForAll(piece.ToArbitrary(), Gen.Choose(1, 60).ToArbitrary(), static (pieces, size) =>
        {
            var scrollback = new Scrollback(size);
            var starts = new List<long> { 0 };
            foreach (var bytes in pieces.Select(Encoding.UTF8.GetBytes))
            {
                // Byte by byte, as a terminal may put it out.
                foreach (var one in bytes)
                {
                    scrollback.Append([one]);
                }

                starts.Add(starts[^1] + bytes.Length);
            }

            return scrollback.FirstBoundary() == starts.First(start => start >= scrollback.Start);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void ItHoldsTheLastBytes()
    {
        var random = new Random(1);
        var scrollback = new Scrollback(100);
        var all = new List<byte>();
        for (var i = 0; i < 200; i++)
        {
            var output = new byte[random.Next(150)];
            Array.Fill(output, (byte)('a' + (i % 26)));
            scrollback.Append(output);
            all.AddRange(output);
            Assert.Equal(all.Count, scrollback.End);
            Assert.Equal(Math.Max(0, all.Count - 100), scrollback.Start);
            var copy = new byte[100];
            var count = scrollback.CopyFrom(scrollback.Start, copy);
            Assert.Equal(all.Skip((int)scrollback.Start), copy.Take(count));
        }
    }

    [Fact]
    public void ASequenceWithoutEndIsNotReplayedInPart()
    {
        var scrollback = new Scrollback(64);
        scrollback.Append(Encoding.ASCII.GetBytes("\x1b]0;" + new string('x', 1000)));
        Assert.Equal(scrollback.End, scrollback.FirstBoundary());

        scrollback.Append("\x07$ "u8);
        Assert.Equal(scrollback.End - 2, scrollback.FirstBoundary());
    }

    [Fact]
    public void GarbageDoesNotHideWhatFollows()
    {
        var scanner = new EscapeScanner();
        foreach (var next in (byte[])[0xFF, 0xC3, 0x28, 0xE2, 0x82, 0x1B, 0x5B, 0x18, 0xF0, 0x9F, (byte)'a'])
        {
            scanner.Step(next);
        }

        Assert.True(scanner.IsBoundary);
    }
}
