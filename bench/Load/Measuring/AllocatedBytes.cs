using System.Globalization;
using Load.Servers;

namespace Load.Measuring;

/// <summary>What a server has allocated on its managed heap so far, from Edge's metrics; others do not tell.</summary>
internal static class AllocatedBytes
{
    private const string Metric = "dotnet_gc_heap_total_allocated_bytes_total";

    private static readonly HttpClient Client = new();

    /// <summary>Asks the server and those behind it; null when one of them does not tell.</summary>
    public static double? Of(Server server)
    {
        if (server.Admin is not { } admin)
        {
            return null;
        }

        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(admin, "/metrics"));
        using var answer = Client.Send(request);
        using var text = new StreamReader(answer.Content.ReadAsStream());
        return Sum(text.ReadToEnd()) + server.Others.Where(static other => other.Admin is not null).Sum(static other => Of(other) ?? 0);
    }

    /// <summary>The sum of the metric's series in Prometheus text; null when there is none.</summary>
    internal static double? Sum(string text)
    {
        double? sum = null;
        foreach (var line in text.Split('\n'))
        {
            if (line.StartsWith(Metric, StringComparison.Ordinal)
                && double.TryParse(
                    line.Split(' ') is [_, var value, ..] ? value : "", NumberStyles.Float, CultureInfo.InvariantCulture, out var bytes))
            {
                sum = (sum ?? 0) + bytes;
            }
        }

        return sum;
    }
}
