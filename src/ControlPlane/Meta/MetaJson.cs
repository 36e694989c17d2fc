using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.Meta;

/// <summary>The JSON types of the routes without credentials.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(BuildInfo))]
internal sealed partial class MetaJson : JsonSerializerContext
{
    public static MetaJson Wire { get; } = new(WireJson.NewOptions());
}
