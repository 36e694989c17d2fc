namespace Load.Statistics;

/// <summary>One measured figure and when it was taken.</summary>
internal readonly record struct Measured(double At, double Value);

/// <summary>
/// How one server's figure relates to another's. Machines drift, so each measure is divided by the mean of the two of the other
/// server that are nearest in time, and the median of these ratios counts.
/// </summary>
/// <param name="Ratio">Of the medians of neighbours; null where it cannot be told.</param>
/// <param name="Spread">Of the ratios themselves.</param>
/// <param name="Why">Why there is no ratio, in words.</param>
internal readonly record struct Comparison(double? Ratio, Series Spread, string? Why)
{
    /// <summary>Fewer rounds have no quartiles to speak of.</summary>
    public const int LeastRounds = 3;

    public static Comparison Of(IReadOnlyList<Measured> mine, IReadOnlyList<Measured> theirs)
    {
        var ratios = Ratios(mine, theirs);
        if (ratios.Count < LeastRounds || theirs.Count < LeastRounds)
        {
            return new Comparison(null, ratios.Count > 0 ? Series.Of(ratios) : default, "too few rounds");
        }

        var spread = Series.Of(ratios);
        return spread.High - spread.Low > Math.Abs(spread.Median - 1)
            ? new Comparison(null, spread, "the spread is wider than the difference")
            : new Comparison(spread.Median, spread, null);
    }

    /// <summary>The ratio of each of mine to its neighbours.</summary>
    public static List<double> Ratios(IReadOnlyList<Measured> mine, IReadOnlyList<Measured> theirs)
    {
        var ratios = new List<double>();
        foreach (var one in mine)
        {
            var near = theirs.OrderBy(other => Math.Abs(other.At - one.At)).Take(2).ToArray();
            if (near.Length > 0 && near.Average(static other => other.Value) is > 0 and var mean)
            {
                ratios.Add(one.Value / mean);
            }
        }

        return ratios;
    }
}
