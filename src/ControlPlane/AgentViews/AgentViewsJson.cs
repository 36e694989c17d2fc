using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.AgentViews;

/// <summary>The JSON bodies of agents' views.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(AgentView))]
internal sealed partial class AgentViewsJson : JsonSerializerContext
{
    public static AgentViewsJson Wire { get; } = new(WireJson.NewOptions());
}
