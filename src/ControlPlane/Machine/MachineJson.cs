using System.Text.Json.Serialization;
using ControlPlane.Connections;
using ControlPlane.Http;

namespace ControlPlane.Machine;

/// <summary>The JSON types of containers and ports.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(AgentContainers))]
[JsonSerializable(typeof(ListeningPorts))]
internal sealed partial class MachineJson : JsonSerializerContext
{
    public static MachineJson Wire { get; } = new(WireJson.NewOptions());
}
