using System.Text;

namespace Edge.Telemetry;

/// <summary>
/// The Prometheus name of an instrument, after the OpenTelemetry specification "Prometheus and OpenMetrics Compatibility":
/// characters outside the alphabet become underscores, the unit is spelled out and appended, counters end in <c>_total</c>.
/// </summary>
internal static class PrometheusName
{
    /// <summary>The name of a metric family.</summary>
    public static string Family(string instrument, string? unit, PrometheusType type)
    {
        var name = Sanitize(instrument, colon: true);
        if (type == PrometheusType.Counter && name.EndsWith("_total", StringComparison.Ordinal))
        {
            name = name[..^"_total".Length];
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

    /// <summary>A UCUM unit in words: <c>s</c> is "seconds", <c>By/s</c> "bytes_per_second", <c>{request}</c> nothing.</summary>
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
