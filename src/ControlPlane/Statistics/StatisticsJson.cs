using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.Statistics;

/// <summary>The JSON types of statistics.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ReportStatsRequest))]
[JsonSerializable(typeof(StatsView))]
internal sealed partial class StatisticsJson : JsonSerializerContext
{
    public static StatisticsJson Wire { get; } = new(WireJson.NewOptions());
}
