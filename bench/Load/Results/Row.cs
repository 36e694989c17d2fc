using System.Globalization;
using Load.Statistics;

namespace Load.Results;

/// <summary>
/// One line of the comparison: a server at one point of a scenario, and Edge's figure relative to it (none on Edge's own line).
/// </summary>
/// <param name="Scenario">Its name.</param>
/// <param name="Point">The parameters, in a text.</param>
/// <param name="Figure">What is compared.</param>
/// <param name="Server">Its name.</param>
/// <param name="Series">The figure over the rounds.</param>
/// <param name="Edge">Edge's figure over this one's.</param>
/// <param name="Others">The medians of all other figures.</param>
internal sealed record Row(
    string Scenario, string Point, string Figure, string Server, Series Series, Comparison? Edge,
    IReadOnlyList<(string Name, double Median)> Others)
{
    /// <summary>The ratio in words, or why there is none.</summary>
    public string RatioText() => Edge is { } edge ? TextOf(edge) : "";

    /// <summary>Median and quartiles.</summary>
    public string FigureText() => Format($"{Series.Median:0.###} [{Series.Low:0.###} – {Series.High:0.###}]");

    /// <summary>The other figures in one text.</summary>
    public string OthersText() => string.Join(", ", Others.Select(static one => Format($"{one.Name} {one.Median:0.##}")));

    /// <summary>A ratio with its quartiles, or why there is none.</summary>
    public static string TextOf(Comparison comparison) => comparison.Ratio is { } ratio
        ? Format($"{ratio:0.00} [{comparison.Spread.Low:0.00} – {comparison.Spread.High:0.00}]")
        : $"– ({comparison.Why})";

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>How a server's figure at one step of a sweep relates to the same server's at the first step.</summary>
internal sealed record Step(string Scenario, string Parameter, int First, int Value, string Server, Series Series, Comparison Growth);
