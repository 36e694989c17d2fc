using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.Manifests;

/// <summary>The JSON types of manifests.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ManifestView))]
internal sealed partial class ManifestsJson : JsonSerializerContext
{
    public static ManifestsJson Wire { get; } = new(WireJson.NewOptions());
}
