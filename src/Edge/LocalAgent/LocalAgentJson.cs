using System.Text.Json.Serialization;
using ControlPlane.Connections;

namespace Edge.LocalAgent;

/// <summary>The JSON bodies of the agent's answers, as types of the API server. The agent writes them by types of its own.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(AgentContainers))]
[JsonSerializable(typeof(AgentNotice))]
[JsonSerializable(typeof(IReadOnlyList<ListeningPort>))]
internal sealed partial class LocalAgentJson : JsonSerializerContext;
