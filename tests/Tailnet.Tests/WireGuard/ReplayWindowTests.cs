using Tailnet.WireGuard;

namespace Tailnet.Tests.WireGuard;

public sealed class ReplayWindowTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void AnySequenceIsJudgedAsByASetOfAllCounters(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 40; round++)
        {
            var window = new ReplayWindow();
            var taken = new HashSet<ulong>();
            var highest = 0UL;
            var any = false;
            for (var step = 0; step < 400; step++)
            {
                var counter = Draw(random, highest);
                var isTooOld = any && counter < highest && highest - counter >= ReplayWindow.Size;
                var expected = !isTooOld && taken.Add(counter);
                Assert.Equal(expected, window.TryTake(counter));
                if (expected)
                {
                    highest = Math.Max(highest, counter);
                    any = true;
                }
            }
        }
    }

    [Fact]
    public void CountersInOrderAreEachTakenOnceOverManyWindows()
    {
        var window = new ReplayWindow();
        for (var counter = 0UL; counter < 10 * ReplayWindow.Size; counter++)
        {
            Assert.True(window.TryTake(counter));
            Assert.False(window.TryTake(counter));
            Assert.False(window.TryTake(counter < ReplayWindow.Size ? 0 : counter - ReplayWindow.Size));
        }
    }

    [Fact]
    public void TheHighestCounterOfASessionIsTaken()
    {
        var window = new ReplayWindow();
        Assert.True(window.TryTake(ulong.MaxValue - 1));
        Assert.False(window.TryTake(ulong.MaxValue - 1));
        Assert.True(window.TryTake(ulong.MaxValue - ReplayWindow.Size));
        Assert.False(window.TryTake(ulong.MaxValue - ReplayWindow.Size - 1));
    }

    // Counters are mostly near the highest one, on both sides. Some are about a word or a window away.
    private static ulong Draw(Random random, ulong highest)
    {
        var distance = random.Next(6) switch
        {
            0 => random.Next(3),
            1 => random.Next(62, 67),
            2 => random.Next(ReplayWindow.Size - 3, ReplayWindow.Size + 3),
            3 => random.Next(3 * ReplayWindow.Size),
            _ => random.Next(40),
        };
        return random.Next(2) == 0 ? highest + (ulong)distance : highest - Math.Min(highest, (ulong)distance);
    }
}
