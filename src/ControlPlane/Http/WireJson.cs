using System.Text.Json;

namespace ControlPlane.Http;

/// <summary>How the API writes and reads JSON: the features' contexts differ in their types alone.</summary>
internal static class WireJson
{
    /// <summary>Bodies deeper than this are refused.</summary>
    public const int MaxDepth = 16;

    /// <summary>The same options each time: a context takes its own and does not share them.</summary>
    public static JsonSerializerOptions NewOptions() => new()
    {
        Encoder = GoJsonEncoder.Shared,
        MaxDepth = MaxDepth,
        PropertyNameCaseInsensitive = true, // as Go's decoder
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new UtcTimeConverter(), new GoUuidConverter(), new FiniteNumberConverter() },
    };
}
