using System.Buffers;
using System.Globalization;
using System.Text;

namespace Edge.Telemetry;

/// <summary>
/// Writes families in the Prometheus text format, version 0.0.4: HELP and TYPE of each family, then its samples. A histogram has
/// cumulative buckets that end with <c>+Inf</c>, a sum and a count.
/// </summary>
internal sealed class PrometheusText(IBufferWriter<byte> output)
{
    /// <summary>Writes one family, unless it has no samples.</summary>
    public void Write(PrometheusFamily family)
    {
        var points = family.Collect();
        if (points.Count == 0)
        {
            return;
        }

        if (family.Help.Length > 0)
        {
            Line($"# HELP {family.Name} {EscapeHelp(family.Help)}");
        }

        Line($"# TYPE {family.Name} {Name(family.Type)}");
        foreach (var (labels, point) in points)
        {
            if (family.Type == PrometheusType.Histogram)
            {
                WriteHistogram(family, labels, point);
            }
            else
            {
                Sample(family.Name, labels, Number(point.Value));
            }
        }
    }

    private void WriteHistogram(PrometheusFamily family, string labels, PrometheusPoint point)
    {
        var separator = labels.Length > 0 ? "," : "";
        long count = 0;
        for (var i = 0; i <= family.Boundaries.Length; i++)
        {
            count += point.Buckets![i];
            var le = i < family.Boundaries.Length ? Number(family.Boundaries[i]) : "+Inf";
            Sample($"{family.Name}_bucket", $"{labels}{separator}le=\"{le}\"", Number(count));
        }

        // The count comes from the buckets, so that it always equals the +Inf bucket, as the format requires.
        Sample($"{family.Name}_sum", labels, Number(point.Value));
        Sample($"{family.Name}_count", labels, Number(count));
    }

    private void Sample(string name, string labels, string value) =>
        Line(labels.Length > 0 ? $"{name}{{{labels}}} {value}" : $"{name} {value}");

    private void Line(string text)
    {
        var span = output.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length + 1));
        var length = Encoding.UTF8.GetBytes(text, span);
        span[length++] = (byte)'\n';
        output.Advance(length);
    }

    private static string EscapeHelp(string help) =>
        help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static string Number(double value) =>
        double.IsNaN(value) ? "NaN"
        : double.IsPositiveInfinity(value) ? "+Inf"
        : double.IsNegativeInfinity(value) ? "-Inf"
        : value.ToString("R", CultureInfo.InvariantCulture);

    private static string Name(PrometheusType type) => type switch
    {
        PrometheusType.Counter => "counter",
        PrometheusType.Histogram => "histogram",
        _ => "gauge",
    };
}

/// <summary>
/// The Prometheus name of an instrument, after the OpenTelemetry specification "Prometheus and OpenMetrics Compatibility":
/// characters that are not allowed become underscores, the unit is appended as a word, counters end with <c>_total</c>, and
/// suffixes of other types are removed, as <c>promtool check metrics</c> requires.
/// </summary>
internal static class PrometheusName
{
    private const string Total = "_total";

    // Suffixes of counters and of a histogram's samples, which a gauge must not have. .NET has dotnet.assembly.count.
    private static readonly string[] Reserved = [Total, "_count", "_sum", "_bucket"];

    /// <summary>The name of a metric family.</summary>
    public static string Family(string instrument, string? unit, PrometheusType type)
    {
        var name = Sanitize(instrument, colon: true);
        foreach (var reserved in type == PrometheusType.Gauge ? Reserved : [Total])
        {
            if (name.EndsWith(reserved, StringComparison.Ordinal) && name.Length > reserved.Length)
            {
                name = name[..^reserved.Length];
            }
        }

        var suffix = unit == "1" && type == PrometheusType.Gauge ? "ratio" : Unit(unit);
        if (suffix.Length > 0 && !name.Contains(suffix, StringComparison.Ordinal))
        {
            name = $"{name}_{suffix}";
        }

        return type == PrometheusType.Counter ? $"{name}_total" : name;
    }

    /// <summary>The name of a label.</summary>
    public static string Label(string tag) => Sanitize(tag, colon: false);

    private static string Sanitize(string name, bool colon)
    {
        var text = new StringBuilder(name.Length + 1);
        foreach (var c in name)
        {
            if (char.IsAsciiLetterOrDigit(c) || (colon && c == ':'))
            {
                if (text.Length == 0 && char.IsAsciiDigit(c))
                {
                    text.Append('_');
                }

                text.Append(c);
            }
            else if (text.Length == 0 || text[^1] != '_')
            {
                text.Append('_');
            }
        }

        return text.Length == 0 ? "_" : text.ToString();
    }

    /// <summary>A UCUM unit as words: <c>s</c> is "seconds", <c>By/s</c> is "bytes_per_second", <c>{request}</c> is nothing.</summary>
    private static string Unit(string? unit)
    {
        var text = RemoveAnnotations(unit ?? "");
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
        {
            return Word(text);
        }

        var per = PerWord(text[(slash + 1)..]);
        var of = Word(text[..slash]);
        return per.Length == 0 ? of : of.Length == 0 ? $"per_{per}" : $"{of}_per_{per}";
    }

    private static string RemoveAnnotations(string unit)
    {
        var text = new StringBuilder(unit.Length);
        var depth = 0;
        foreach (var c in unit)
        {
            depth += c == '{' ? 1 : 0;
            if (depth == 0)
            {
                text.Append(c);
            }

            depth -= c == '}' && depth > 0 ? 1 : 0;
        }

        return text.ToString().Trim();
    }

    private static string Word(string unit) => unit switch
    {
        "" or "1" => "",
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" or "kBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        _ => Sanitize(unit, colon: false).Trim('_'),
    };

    private static string PerWord(string unit) => unit switch
    {
        "s" => "second",
        "m" or "min" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        _ => Sanitize(unit, colon: false).Trim('_'),
    };
}

/// <summary>Formats tags as the text between the braces of a sample: <c>method="GET",status="200"</c>.</summary>
internal static class PrometheusLabels
{
    /// <summary>The labels of the overflow series. The name is OpenTelemetry's.</summary>
    public const string Overflow = "otel_metric_overflow=\"true\"";

    /// <summary>The length in UTF-16 units at which a label's value is cut.</summary>
    private const int MaxValueLength = 256;

    /// <summary>
    /// Formats tags sorted by name, with one label for each name (the last tag wins), without null values and without tags that may
    /// contain a query string.
    /// </summary>
    public static string Format(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty)
        {
            return "";
        }

        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in tags)
        {
            // The text format has no null. A missing label is the same as an empty one.
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
        // A line feed has an escape in the text format, so it is not escaped here.
        string text => string.Join('\n', text.Split('\n').Select(ControlCharacters.Escape)),
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
