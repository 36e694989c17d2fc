using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.Agents;

/// <summary>The JSON bodies of agents.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(PostLifecycleRequest))]
[JsonSerializable(typeof(PostStartupRequest))]
internal sealed partial class AgentsJson : JsonSerializerContext
{
    public static AgentsJson Wire { get; } = new(WireJson.NewOptions());
}
