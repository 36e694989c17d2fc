using System.Buffers;
using System.Globalization;
using System.Text;

namespace Edge.Telemetry;

/// <summary>
/// Writes families in the Prometheus text format, version 0.0.4: one HELP and TYPE a family, then its samples; a histogram as
/// cumulative buckets that end with <c>+Inf</c>, a sum and a count.
/// </summary>
internal sealed class PrometheusText(IBufferWriter<byte> output)
{
    /// <summary>Writes one family; nothing when it has no samples.</summary>
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

        // Counted from the same buckets: the count always equals the +Inf bucket, as the format demands.
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
