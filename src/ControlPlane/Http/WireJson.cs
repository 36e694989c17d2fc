using System.Text.Json;
using System.Text.Json.Serialization;

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

/// <summary>
/// Reads numbers that a double can hold. .NET's reader turns 1e400 into infinity, which would spoil every sum. Go's decoder refuses it.
/// </summary>
internal sealed class FiniteNumberConverter : JsonConverter<double>
{
    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var number) && double.IsFinite(number)
            ? number
            : throw new JsonException("not a finite number");

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}
