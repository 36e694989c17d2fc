using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.AgentMetadata;

/// <summary>The JSON bodies of agents' metadata.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(PostMetadataRequest))]
[JsonSerializable(typeof(PostedMetadata))]
internal sealed partial class MetadataJson : JsonSerializerContext
{
    public static MetadataJson Wire { get; } = new(WireJson.NewOptions());
}
