using System.Globalization;
using System.Net;
using System.Text;

namespace Load.Report;

/// <summary>A small writer of SVG pictures: lines, boxes and texts, escaped, with numbers as SVG reads them.</summary>
internal sealed class Svg(int width, int height)
{
    /// <summary>Colours that people with red-green blindness can tell apart (Okabe and Ito).</summary>
    public static readonly IReadOnlyList<string> Colours = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#999999"];

    /// <summary>For what is beside the matter.</summary>
    public const string Faint = "#666";

    private readonly StringBuilder _text = new();

    public Svg Box(double x, double y, double w, double h, string colour) =>
        Add($"<rect x=\"{x:0.##}\" y=\"{y:0.##}\" width=\"{w:0.##}\" height=\"{h:0.##}\" fill=\"{colour}\"/>");

    public Svg Line(double x1, double y1, double x2, double y2, string colour, double thickness = 1) =>
        Add($"""<line x1="{x1:0.##}" y1="{y1:0.##}" x2="{x2:0.##}" y2="{y2:0.##}" stroke="{colour}" stroke-width="{thickness:0.##}"/>""");

    public Svg Dot(double x, double y, string colour) => Add($"<circle cx=\"{x:0.##}\" cy=\"{y:0.##}\" r=\"3.5\" fill=\"{colour}\"/>");

    /// <summary>Writes a text; <paramref name="anchor"/> is start, middle or end.</summary>
    public Svg Text(double x, double y, string text, string anchor = "start", string colour = "#222") =>
        Add($"<text x=\"{x:0.##}\" y=\"{y:0.##}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{WebUtility.HtmlEncode(text)}</text>");

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" "
            + $"font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
            + $"{_text}</svg>\n");

    private Svg Add(FormattableString element)
    {
        _text.Append(element.ToString(CultureInfo.InvariantCulture)).Append('\n');
        return this;
    }
}
