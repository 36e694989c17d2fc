using Load.Statistics;

namespace Bench;

public sealed class StatisticsTests
{
    [Fact]
    public void QuantilesFallBetweenNeighbours()
    {
        var series = Series.Of([4, 1, 3, 2]);
        Assert.Equal(new Series(2.5, 1.75, 3.25, 1, 4), series);
        Assert.Equal(new Series(7, 7, 7, 7, 7), Series.Of([7]));
    }

    [Fact]
    public void ARatioIsOfNeighboursSoThatDriftCancels()
    {
        // The machine gets ten times slower half way; every neighbour still shows a factor of two.
        Measured[] theirs = [new(0, 1), new(2, 1), new(100, 10), new(102, 10)];
        Measured[] mine = [new(1, 2), new(3, 2), new(101, 20), new(103, 20)];
        Assert.Equal(2, Comparison.Of(mine, theirs).Ratio);
    }

    [Fact]
    public void ThereIsNoRatioWhereTheSpreadIsWiderThanTheDifference()
    {
        Measured[] theirs = [new(0, 1), new(2, 1), new(4, 1), new(6, 1)];
        Measured[] mine = [new(1, 0.8), new(3, 1.4), new(5, 0.9), new(7, 1.5)];
        var comparison = Comparison.Of(mine, theirs);
        Assert.Null(comparison.Ratio);
        Assert.Equal("the spread is wider than the difference", comparison.Why);
    }

    [Fact]
    public void ThereIsNoRatioOfTooFewRounds()
    {
        Assert.Null(Comparison.Of([new(1, 9), new(3, 9)], [new(0, 1), new(2, 1)]).Ratio);
        Assert.Null(Comparison.Of([], []).Ratio);
    }
}
