using System.Text.Json.Serialization;
using LocalAgent.Machine;

namespace LocalAgent;

/// <summary>
/// The JSON bodies of the agent's answers. Its clients have types of their own for them: an agent may be older or newer than
/// its client, so a property keeps its name and its meaning.
/// </summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(AgentContainers))]
[JsonSerializable(typeof(AgentNotice))]
[JsonSerializable(typeof(IReadOnlyList<ListeningPort>))]
internal sealed partial class AgentJson : JsonSerializerContext;
