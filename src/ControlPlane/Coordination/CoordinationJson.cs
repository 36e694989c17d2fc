using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.Coordination;

/// <summary>The JSON bodies of coordination.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ConnectionView))]
internal sealed partial class CoordinationJson : JsonSerializerContext
{
    public static CoordinationJson Wire { get; } = new(WireJson.NewOptions());
}
