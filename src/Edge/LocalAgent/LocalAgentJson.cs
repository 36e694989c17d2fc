using System.Text.Json.Serialization;
using ControlPlane.Connections;

namespace Edge.LocalAgent;

/// <summary>The bodies on the agent's socket.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(AgentContainers))]
[JsonSerializable(typeof(AgentNotice))]
[JsonSerializable(typeof(IReadOnlyList<ListeningPort>))]
internal sealed partial class LocalAgentJson : JsonSerializerContext;
