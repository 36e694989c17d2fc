using System.Text.Json;
using System.Text.Json.Serialization;
using ControlPlane.Http;

namespace ControlPlane.Connections.Agents;

/// <summary>The JSON bodies of agents' HTTP API. An absent member is null, also where the type does not say so.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(AgentNotice))]
[JsonSerializable(typeof(AgentContainers))]
[JsonSerializable(typeof(AgentContainerList))]
[JsonSerializable(typeof(AgentDevcontainers))]
[JsonSerializable(typeof(AgentListeningPorts))]
internal sealed partial class AgentJson : JsonSerializerContext
{
    private const int MaxDepth = 64;

    public static AgentJson Wire { get; } = new(NewOptions());

    private static JsonSerializerOptions NewOptions()
    {
        var options = WireJson.NewOptions();
        options.MaxDepth = MaxDepth;
        return options;
    }
}

/// <summary>The containers as an agent lists them.</summary>
/// <param name="Containers">The containers; null for none.</param>
/// <param name="Devcontainers">
/// The development containers; null for none. Agents before v2.24 do not have the member, so that its kind is undefined.
/// </param>
/// <param name="Warnings">The errors of an incomplete list; null for none.</param>
internal sealed record AgentContainerList(
    IReadOnlyList<AgentContainer>? Containers, JsonElement Devcontainers, IReadOnlyList<string>? Warnings);

/// <summary>The development containers alone, as agents of v2.23 list them.</summary>
/// <param name="Devcontainers">The development containers; null for none.</param>
internal sealed record AgentDevcontainers(IReadOnlyList<Devcontainer>? Devcontainers);

/// <summary>The listening ports of an agent's machine.</summary>
/// <param name="Ports">The ports; null for none.</param>
internal sealed record AgentListeningPorts(IReadOnlyList<ListeningPort>? Ports);
