namespace Load.Statistics;

/// <summary>Figures of one kind, of several rounds.</summary>
/// <param name="Median">The middle one.</param>
/// <param name="Low">The first quartile.</param>
/// <param name="High">The third quartile.</param>
/// <param name="Least">The smallest.</param>
/// <param name="Most">The largest.</param>
internal readonly record struct Series(double Median, double Low, double High, double Least, double Most)
{
    public static Series Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return new Series(Quantile(sorted, 0.5), Quantile(sorted, 0.25), Quantile(sorted, 0.75), sorted[0], sorted[^1]);
    }

    /// <summary>The value at a fraction of sorted values, between two of them where it falls there.</summary>
    public static double Quantile(ReadOnlySpan<double> sorted, double fraction)
    {
        var at = fraction * (sorted.Length - 1);
        var below = (int)at;
        return below + 1 < sorted.Length ? sorted[below] + ((at - below) * (sorted[below + 1] - sorted[below])) : sorted[below];
    }
}
