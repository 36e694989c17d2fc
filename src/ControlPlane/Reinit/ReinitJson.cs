using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.Reinit;

/// <summary>The JSON types of the event that makes agents reinitialize.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ReinitEvent))]
internal sealed partial class ReinitJson : JsonSerializerContext
{
    public static ReinitJson Wire { get; } = new(WireJson.NewOptions());
}
