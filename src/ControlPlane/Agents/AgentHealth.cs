using System.Text.Json.Serialization;

namespace ControlPlane.Agents;

/// <summary>The health of an agent.</summary>
/// <param name="Healthy">False for an agent that timed out, lost its connection, failed to start, or shuts down.</param>
/// <param name="Reason">The reason why it is not healthy; omitted for a healthy agent.</param>
internal sealed record AgentHealth(bool Healthy, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason);
