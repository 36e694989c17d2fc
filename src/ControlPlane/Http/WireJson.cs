using System.Text.Json;

namespace ControlPlane.Http;

/// <summary>The API's serializer options. All features' JSON contexts use them.</summary>
internal static class WireJson
{
    /// <summary>The deepest nesting of a request's body.</summary>
    public const int MaxDepth = 16;

    /// <summary>A new instance on each call, since a JSON context owns its options.</summary>
    public static JsonSerializerOptions NewOptions() => new()
    {
        Encoder = GoJsonEncoder.Shared,
        MaxDepth = MaxDepth,
        PropertyNameCaseInsensitive = true, // as Go's decoder
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new UtcTimeConverter(), new GoUuidConverter(), new FiniteNumberConverter() },
    };
}
