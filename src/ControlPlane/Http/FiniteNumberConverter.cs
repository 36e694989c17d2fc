using System.Text.Json;
using System.Text.Json.Serialization;

namespace ControlPlane.Http;

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
