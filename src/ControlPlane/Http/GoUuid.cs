using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ControlPlane.Http;

/// <summary>UUIDs in the four forms that Go's uuid package reads: plain, in braces, after <c>urn:uuid:</c>, and without hyphens.</summary>
internal static class GoUuid
{
    private const string Urn = "urn:uuid:";

    public static bool TryParse([NotNullWhen(true)] string? text, out Guid id)
    {
        id = Guid.Empty;
        return text?.Length switch
        {
            36 => Guid.TryParseExact(text, "D", out id),
            32 => Guid.TryParseExact(text, "N", out id),
            38 => Guid.TryParseExact(text, "B", out id),
            45 when text.StartsWith(Urn, StringComparison.OrdinalIgnoreCase) => Guid.TryParseExact(text.AsSpan(Urn.Length), "D", out id),
            _ => false,
        };
    }
}

/// <summary>Writes UUIDs in the plain form, and reads any form of <see cref="GoUuid"/>.</summary>
internal sealed class GoUuidConverter : JsonConverter<Guid>
{
    public override Guid Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && GoUuid.TryParse(reader.GetString(), out var id)
            ? id
            : throw new JsonException("not a UUID");

    public override void Write(Utf8JsonWriter writer, Guid value, JsonSerializerOptions options) => writer.WriteStringValue(value);
}
