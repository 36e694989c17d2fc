using System.Globalization;
using System.Text;

namespace Edge.Telemetry;

/// <summary>Tags as the text between the braces of a sample: <c>method="GET",status="200"</c>.</summary>
internal static class PrometheusLabels
{
    /// <summary>The labels of the series that takes what no longer has room; its name is OpenTelemetry's.</summary>
    public const string Overflow = "otel_metric_overflow=\"true\"";

    /// <summary>The longest label value, in UTF-16 units; what is longer is cut.</summary>
    private const int MaxValueLength = 256;

    /// <summary>Sorted by name, one label a name (the last tag wins), null values and tags that may hold a query string left out.</summary>
    public static string Format(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty)
        {
            return "";
        }

        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in tags)
        {
            // The text format has no null: a missing label and an empty one are the same.
            if (value is not null && key is not null && !TelemetrySources.MayHoldQuery(key))
            {
                labels[PrometheusName.Label(key)] = Text(value);
            }
        }

        var text = new StringBuilder();
        foreach (var (name, value) in labels)
        {
            text.Append(text.Length > 0 ? "," : "").Append(name).Append("=\"");
            Escape(text, value);
            text.Append('"');
        }

        return text.ToString();
    }

    private static string Text(object value) => value switch
    {
        // A line feed has an escape of the format's own.
        string text => text.Contains('\n', StringComparison.Ordinal) ? string.Join('\n', text.Split('\n').Select(ControlCharacters.Escape)) : ControlCharacters.Escape(text)!,
        bool flag => flag ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    private static void Escape(StringBuilder text, string value)
    {
        foreach (var c in value.AsSpan(0, Math.Min(value.Length, MaxValueLength)))
        {
            _ = c switch
            {
                '\\' => text.Append("\\\\"),
                '"' => text.Append("\\\""),
                '\n' => text.Append("\\n"),
                _ => text.Append(c),
            };
        }
    }
}
